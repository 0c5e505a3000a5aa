"""Computes the audit log's chain anew from an export: one line of JSON in, the link's hash out."""

import hashlib
import json
import sys

previous = "0" * 64
for text in sys.stdin:
    line = json.loads(text)
    link = {
        "entry": line["entry"],
        "previous": previous,
        "sealed_at": line["sealed_at"],
        "sequence": line["sequence"],
    }
    canonical = json.dumps(link, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    previous = hashlib.sha256(canonical.encode()).hexdigest()
    print(json.dumps({"hash": previous}))
