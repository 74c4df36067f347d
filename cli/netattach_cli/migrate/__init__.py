"""`netattach migrate`: what a migration from Multus will meet in a cluster."""
