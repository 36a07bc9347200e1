"""`python -m qanat_client.web_app FILE`: says a file's fingerprint, as `make app-html` shows it."""

import sys
from pathlib import Path

from qanat_client.web_app.files import fingerprint_of

if __name__ == "__main__":
    print(f"{sys.argv[1]}\nSHA-256 {fingerprint_of(Path(sys.argv[1]).read_bytes())}")
