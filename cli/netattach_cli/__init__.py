"""`netattach`: the validator at a desk (lint), networks that it likes (new), and the daemon at work on one machine (demo)."""
