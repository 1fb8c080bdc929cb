"""The sandbox: fake exchanges over real HTTP, written from the exchanges' documentation."""
