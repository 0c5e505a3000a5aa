"""Signs and verifies webhooks with Stripe's own package: one line of JSON in, one out."""

import json
import sys

import stripe

for line in sys.stdin:
    job = json.loads(line)
    if job["deed"] == "sign":
        header = stripe.WebhookSignature.generate_signature_header(job["body"], job["secret"], job["time"])
        answer = {"header": header}
    else:
        try:
            stripe.WebhookSignature.verify_header(job["body"], job["header"], job["secret"], 10**9)
            answer = {"header": "right"}
        except stripe.SignatureVerificationError:
            answer = {"header": "wrong"}
    print(json.dumps(answer), flush=True)
