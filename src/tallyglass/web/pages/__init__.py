"""What each page shows and what its buttons do, one module a page; `index` lists them."""
