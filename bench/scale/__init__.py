"""`make bench-scale`: what a large cluster costs netattach. The objects are real ones in a real API server; two nodes run."""
