"""The ledger: what happened, as entries with signed legs. Pure; the ground everything stands on."""
