"""What `make release` does: dist/ from the last commit, the same bytes wherever it is built."""
