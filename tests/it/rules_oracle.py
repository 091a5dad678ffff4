"""What Cloudflare's own parser says of each expression: JSON array of texts in, array of errors (null: it parses) out.

Run by tests/it/rules_oracle.rs with a Python that has the wheel octorules-wirefilter.
"""

import json
import sys

from octorules_wirefilter import parse_expression

sys.stdin.reconfigure(encoding="utf-8")
json.dump([parse_expression(text).get("error") for text in json.load(sys.stdin)], sys.stdout)
