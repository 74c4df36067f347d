"""`netattach`: the judge at a desk (lint) and the daemon at work on one machine (demo)."""
