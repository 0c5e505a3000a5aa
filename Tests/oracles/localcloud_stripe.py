"""Talks to a running LocalCloud with Stripe's own package, and judges what it signs.

usage: localcloud_stripe.py READY_FILE SCENARIO"""

import calendar
import http.server
import json
import os
import queue
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import stripe

READY = json.load(open(sys.argv[1]))
ACCOUNT_KEY, RESTRICTED_KEY = os.environ["STRIPE_ACCOUNT_KEY"], os.environ["STRIPE_SECRET_KEY"]
SECRETS = os.environ["STRIPE_WEBHOOK_SECRETS"].split(",")
DAY = 86_400

stripe.api_base = READY["stripe_api_url"]
stripe.api_key = ACCOUNT_KEY
stripe.max_network_retries = 0


def operate(method, path, body=None):
    """The operator's side of the local cloud."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        READY["aws_endpoint_url"] + "/_localcloud/" + path, method=method, data=data
    )
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def inject(fault, operation, **more):
    rule = {"service": "stripe", "operation": operation, "fault": fault, **more}
    operate("PUT", "faults", {"rules": [rule]})


def refused(kind, status, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except kind as error:
        assert error.http_status == status, (error.http_status, error)
        return error
    raise AssertionError(f"{kind.__name__} was expected")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def press(url, action=None):
    """Opens a hosted page, or presses one of its buttons: status, body, where it leads."""
    data = None if action is None else urllib.parse.urlencode({"action": action}).encode()
    try:
        answer = urllib.request.build_opener(NoRedirect).open(url, data=data)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.read().decode(), answer.headers.get("location")


def price(key):
    return stripe.Price.list(lookup_keys=[key], expand=["data.product"]).data[0]


def checkout(customer, *keys, **options):
    items = [{"price": price(key).id, **({"quantity": 1} if "overage" not in key else {})} for key in keys]
    return stripe.checkout.Session.create(
        mode="subscription",
        customer=customer,
        line_items=items,
        success_url="https://cp.example/done?session={CHECKOUT_SESSION_ID}",
        cancel_url="https://cp.example/back",
        **options,
    )


def on_clock(start, card="pm_card_visa", *keys):
    """A customer on a test clock with a subscription: clock, customer, subscription."""
    clock = stripe.test_helpers.TestClock.create(frozen_time=start)
    customer = stripe.Customer.create(
        email="ada@people.example",
        test_clock=clock.id,
        payment_method=card,
        invoice_settings={"default_payment_method": card},
    )
    items = [{"price": price(key).id} for key in keys or ("starter_monthly",)]
    subscription = stripe.Subscription.create(customer=customer.id, items=items)
    return clock.id, customer.id, subscription


def advance(clock, to):
    assert stripe.test_helpers.TestClock.advance(clock, frozen_time=to).status == "advancing"
    assert stripe.test_helpers.TestClock.retrieve(clock).status == "ready"


def types(since=None, **filters):
    return [event.type for event in stripe.Event.list(limit=100, ending_before=since, **filters).data][::-1]


# What the scenarios are


def catalogue():
    starter, pro, overage = price("starter_monthly"), price("pro_monthly"), price("pro_overage")
    assert (starter.unit_amount, starter.currency, starter.recurring.interval) == (2900, "usd", "month")
    assert pro.unit_amount == 9900 and pro.product.name == "Pro"
    meter = stripe.billing.Meter.retrieve(overage.recurring.meter)
    assert overage.recurring.usage_type == "metered" and meter.event_name == "llm_overage_credits"
    product = stripe.Product.create(name="Seats", metadata={"kind": "seat"})
    made = stripe.Price.create(
        product=product.id, currency="eur", unit_amount=700, recurring={"interval": "year"}, lookup_key="seat"
    )
    assert stripe.Price.retrieve(made.id, expand=["product"]).product.metadata["kind"] == "seat"
    error = refused(
        stripe.InvalidRequestError,
        400,
        stripe.Price.create,
        product=product.id,
        currency="eur",
        unit_amount=7,
        lookup_key="seat",
    )
    assert error.param == "lookup_key"
    customer = stripe.Customer.create(email="a@b.example", name="Ada", metadata={"org": "1", "b": "2"})
    changed = stripe.Customer.modify(customer.id, metadata={"b": "", "c": "3"}, description="x")
    assert changed.metadata.to_dict() == {"org": "1", "c": "3"} and changed.email == "a@b.example"
    assert stripe.Customer.delete(customer.id).deleted
    assert stripe.Customer.retrieve(customer.id).deleted
    refused(stripe.InvalidRequestError, 404, stripe.Customer.modify, customer.id, name="y")


def errors():
    error = refused(stripe.InvalidRequestError, 404, stripe.Customer.retrieve, "cus_none")
    assert (error.code, error.param) == ("resource_missing", "id") and error.request_id.startswith("req_")
    error = refused(stripe.InvalidRequestError, 400, stripe.Customer.create, emial="x")
    assert (error.code, error.param) == ("parameter_unknown", "emial")
    error = refused(stripe.InvalidRequestError, 400, stripe.checkout.Session.create, mode="subscription")
    assert error.code == "parameter_missing"
    refused(stripe.AuthenticationError, 401, stripe.Customer.list, api_key="sk_test_wrong")
    refused(stripe.InvalidRequestError, 404, stripe.Coupon.list)
    inject("throttle", "createCustomer", seconds=7)
    error = refused(stripe.RateLimitError, 429, stripe.Customer.create)
    assert error.headers["retry-after"] == "7"
    inject("status_503", "listCustomers")
    refused(stripe.APIError, 503, stripe.Customer.list)


def pages():
    made = [stripe.Customer.create(email=f"{i}@b.example").id for i in range(25)]
    first = stripe.Customer.list(limit=10)
    assert [c.id for c in first.data] == made[::-1][:10] and first.has_more
    second = stripe.Customer.list(limit=10, starting_after=first.data[-1].id)
    assert [c.id for c in second.data] == made[::-1][10:20] and second.has_more
    third = stripe.Customer.list(limit=10, starting_after=second.data[-1].id)
    assert len(third.data) == 5 and not third.has_more
    back = stripe.Customer.list(limit=10, ending_before=third.data[0].id)
    assert [c.id for c in back.data] == [c.id for c in second.data] and back.has_more
    assert [c.id for c in stripe.Customer.list(limit=7).auto_paging_iter()] == made[::-1]
    now = int(time.time())
    assert not stripe.Customer.list(created={"gt": now + 60}).data
    assert len(stripe.Customer.list(created={"gte": now - 60, "lt": now + 60}, limit=100).data) == 25
    assert [c.id for c in stripe.Customer.list(email="3@b.example").data] == [made[3]]
    refused(stripe.InvalidRequestError, 400, stripe.Customer.list, limit=101)
    refused(stripe.InvalidRequestError, 400, stripe.Customer.list, starting_after="cus_none")


def idempotency():
    create = stripe.Customer.create
    one = create(email="a@b.example", idempotency_key="k1")
    again = create(email="a@b.example", idempotency_key="k1")
    assert again.id == one.id and again.last_response.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in one.last_response.headers
    assert again.last_response.body == one.last_response.body
    refused(stripe.IdempotencyError, 400, create, email="c@b.example", idempotency_key="k1")
    inject("lost_reply", "createCustomer")
    try:
        create(email="lost@b.example", idempotency_key="k2")
        raise AssertionError("an answer came")
    except stripe.APIConnectionError:
        pass
    found = create(email="lost@b.example", idempotency_key="k2")
    assert found.last_response.headers["idempotent-replayed"] == "true"
    assert [c.id for c in stripe.Customer.list(email="lost@b.example").data] == [found.id]
    # What was refused leaves the key free.
    refused(stripe.InvalidRequestError, 400, create, emial="x", idempotency_key="k3")
    assert create(email="x@b.example", idempotency_key="k3").id
    # A server's own error is what the key gives from then on.
    inject("status_500", "createCustomer")
    refused(stripe.APIError, 500, create, email="y@b.example", idempotency_key="k4")
    error = refused(stripe.APIError, 500, create, email="y@b.example", idempotency_key="k4")
    assert error.headers["idempotent-replayed"] == "true"
    assert not stripe.Customer.list(email="y@b.example").data
    # Two at once with one key: the second is told to wait.
    inject("delay", "createCustomer", seconds=1.5)
    done = queue.Queue()
    thread = threading.Thread(target=lambda: done.put(create(email="z@b.example", idempotency_key="k5")))
    thread.start()
    time.sleep(0.5)
    error = refused(stripe.APIError, 409, create, email="z@b.example", idempotency_key="k5")
    assert error.json_body["error"]["code"] == "idempotency_key_in_use"
    thread.join()
    assert create(email="z@b.example", idempotency_key="k5").id == done.get().id


def subscribing():
    customer = stripe.Customer.create(email="ada@people.example")
    session = checkout(
        customer.id,
        "pro_monthly",
        "pro_overage",
        client_reference_id="org-1",
        subscription_data={"metadata": {"org": "1"}},
        idempotency_key="checkout-org-1",
    )
    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 9900)
    status, body, _ = press(session.url)
    assert status == 200 and "99.00 USD" in body and "by use" in body
    status, body, _ = press(session.url, "decline")
    assert status == 402 and "Your card was declined." in body
    assert press(session.url, "cancel")[2] == "https://cp.example/back"
    assert not stripe.Subscription.list(customer=customer.id).data
    status, _, to = press(session.url, "pay")
    assert (status, to) == (303, "https://cp.example/done?session=" + session.id)
    assert press(session.url, "pay")[2] == to, "a second press changes nothing"
    done = stripe.checkout.Session.retrieve(
        session.id, expand=["line_items", "subscription", "subscription.latest_invoice", "customer"]
    )
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert [item.price.lookup_key for item in done.line_items.data] == ["pro_monthly", "pro_overage"]
    subscription = done.subscription
    assert subscription.status == "active" and subscription.metadata["org"] == "1"
    assert done.customer.invoice_settings.default_payment_method == subscription.default_payment_method
    invoice = subscription.latest_invoice
    assert (invoice.status, invoice.amount_paid) == ("paid", 9900)
    assert invoice.billing_reason == "subscription_create"
    assert invoice.parent.subscription_details.subscription == subscription.id
    for item in subscription["items"].data:
        assert item.current_period_end - item.current_period_start in {d * DAY for d in (28, 29, 30, 31)}
    listed = stripe.Subscription.list(customer=customer.id, status="active", created={"gte": 0})
    assert [s.id for s in listed.data] == [subscription.id]
    assert types()[-9:] == [
        "payment_method.attached",
        "customer.updated",
        "invoice.created",
        "customer.subscription.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]
    other = checkout(customer.id, "starter_monthly")
    assert stripe.checkout.Session.expire(other.id).status == "expired"
    assert press(other.url)[0] == 410 and types()[-1] == "checkout.session.expired"
    third = checkout(customer.id, "starter_monthly")
    done = operate("POST", f"stripe/checkout/{third.id}", {"action": "pay"})
    assert stripe.Subscription.retrieve(done["subscription"]).status == "active"


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what it is sent, and answers with the next of `statuses`."""

    received, statuses, paths = queue.Queue(), [], []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        Receiver.paths.append(self.path)
        Receiver.received.put((body, self.headers["stripe-signature"]))
        self.send_response(Receiver.statuses.pop(0) if Receiver.statuses else 200)
        self.end_headers()

    def log_message(self, *_):
        pass


def receiver():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/hook"


def front():
    """Events go to the platform behind the front, over TLS, signed with both secrets of a rotation."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[3])), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    customer = stripe.Customer.create(email="a@b.example")
    _, body, signature = next_event(SECRETS[0])
    for secret in SECRETS:
        event = stripe.Webhook.construct_event(body, signature, secret)
        assert event.data.object.id == customer.id and event.type == "customer.created"
    assert Receiver.paths == ["/cp/webhooks/stripe"]


def next_event(secret):
    body, signature = Receiver.received.get(timeout=20)
    return stripe.Webhook.construct_event(body, signature, secret), body, signature


def webhooks():
    endpoint = stripe.WebhookEndpoint.create(
        url=receiver(), enabled_events=["customer.created", "customer.updated"]
    )
    customer = stripe.Customer.create(email="a@b.example", idempotency_key="made-once")
    event, body, signature = next_event(endpoint.secret)
    assert (event.type, event.data.object.id) == ("customer.created", customer.id)
    assert event.api_version == stripe.api_version and event.request.idempotency_key == "made-once"
    assert stripe.Event.retrieve(event.id).data.object.id == customer.id
    for secret, changed in [("whsec_wrong", body), (endpoint.secret, body + b" ")]:
        try:
            stripe.Webhook.construct_event(changed, signature, secret)
            raise AssertionError("a wrong signature was taken")
        except stripe.SignatureVerificationError:
            pass
    stripe.Customer.modify(customer.id, name="Ada")
    event, _, _ = next_event(endpoint.secret)
    assert event.data.previous_attributes.to_dict() == {"name": None}
    # Refused twice, then taken: the same event each time.
    Receiver.statuses = [500, 302]
    stripe.Customer.modify(customer.id, name="Eve")
    ids = [next_event(endpoint.secret)[0].id for _ in range(3)]
    assert len(set(ids)) == 1
    deadline = time.time() + 10
    while time.time() < deadline:
        sent = [d for d in operate("GET", "stripe/deliveries")["deliveries"] if d["event"] == ids[0]]
        if sent[0]["delivered"]:
            break
        time.sleep(0.05)
    assert [a["status"] for a in sent[0]["attempts"]] == [500, 302, 200]
    assert stripe.Event.retrieve(ids[0]).pending_webhooks == 0
    # Two secrets while one is rolled.
    operate("PUT", f"stripe/endpoints/{endpoint.id}", {"secrets": ["whsec_next", endpoint.secret]})
    stripe.Customer.modify(customer.id, name="Ida")
    _, body, signature = next_event("whsec_next")
    assert stripe.Webhook.construct_event(body, signature, endpoint.secret).id
    # By fault rules: twice, and out of order.
    inject("duplicate", "webhook")
    stripe.Customer.modify(customer.id, name="Uma")
    assert next_event("whsec_next")[0].id == next_event("whsec_next")[0].id
    inject("delay", "webhook", seconds=1)
    stripe.Customer.modify(customer.id, name="first")
    time.sleep(0.2)
    stripe.Customer.modify(customer.id, name="second")
    names = [next_event("whsec_next")[0].data.object.name for _ in range(2)]
    assert names == ["second", "first"]
    # Once more when an operator wants it.
    operate("POST", f"stripe/events/{event.id}/resend")
    assert next_event("whsec_next")[0].id == event.id
    assert stripe.WebhookEndpoint.delete(endpoint.id).deleted


def renewals():
    start = calendar.timegm((2026, 1, 31, 12, 0, 0))
    clock, customer, subscription = on_clock(start)
    ends = []
    for _ in range(3):
        ends.append(stripe.Subscription.retrieve(subscription.id)["items"].data[0].current_period_end)
        advance(clock, ends[-1] + 2 * 3600)
    days = [time.gmtime(end)[1:3] for end in ends]
    assert days == [(2, 28), (3, 31), (4, 30)], days
    invoices = stripe.Invoice.list(customer=customer).data[::-1]
    assert [i.billing_reason for i in invoices] == ["subscription_create"] + ["subscription_cycle"] * 3
    assert {(i.status, i.amount_paid) for i in invoices} == {("paid", 2900)}
    assert [i.created for i in invoices] == [start] + ends
    assert [i.status_transitions.finalized_at for i in invoices[1:]] == [end + 3600 for end in ends]
    assert len({i.number for i in invoices}) == 4
    # A draft may still change for an hour.
    end = stripe.Subscription.retrieve(subscription.id)["items"].data[0].current_period_end
    advance(clock, end + 60)
    draft = stripe.Invoice.list(customer=customer, status="draft").data[0]
    assert draft.automatically_finalizes_at == end + 3600 and draft.auto_advance
    assert stripe.Invoice.finalize_invoice(draft.id).status == "open"
    assert stripe.Invoice.pay(draft.id).status == "paid"
    # To the end of the period, and then no more.
    changed = stripe.Subscription.modify(subscription.id, cancel_at_period_end=True)
    over = changed["items"].data[0].current_period_end
    assert changed.status == "active" and changed.cancel_at == over
    advance(clock, over + 1)
    ended = stripe.Subscription.retrieve(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", over)
    assert types()[-3:] == [
        "test_helpers.test_clock.advancing",
        "customer.subscription.deleted",
        "test_helpers.test_clock.ready",
    ]
    assert [s.id for s in stripe.Subscription.list(customer=customer, status="all").data] == [ended.id]
    assert not stripe.Subscription.list(customer=customer).data
    assert stripe.test_helpers.TestClock.delete(clock).deleted
    refused(stripe.InvalidRequestError, 404, stripe.Customer.retrieve, customer)


def prorations():
    start = int(time.time()) // DAY * DAY - 3 * DAY
    clock, customer, subscription = on_clock(start, "pm_card_visa", "starter_monthly")
    item = subscription["items"].data[0]
    period = item.current_period_end - start
    advance(clock, start + period // 2)
    change = {"id": item.id, "price": price("pro_monthly").id}
    up = stripe.Subscription.modify(
        subscription.id,
        items=[change, {"price": price("pro_overage").id}],
        proration_behavior="always_invoice",
        expand=["latest_invoice"],
    )
    details = lambda line: line.parent.subscription_item_details
    lines = [(line.amount, details(line).proration) for line in up.latest_invoice.lines]
    assert lines == [(-1450, True), (4950, True)], lines
    assert (up.latest_invoice.status, up.latest_invoice.amount_paid) == ("paid", 3500)
    assert up["items"].data[0].current_period_end == item.current_period_end
    # Down again: the difference is credit, which the renewal uses.
    advance(clock, start + period * 3 // 4)
    down = {"id": item.id, "price": price("starter_monthly").id}
    overage = {"id": up["items"].data[1].id, "deleted": True}
    stripe.Subscription.modify(
        subscription.id, items=[down, overage], proration_behavior="always_invoice", expand=["latest_invoice"]
    )
    assert stripe.Customer.retrieve(customer).balance == -1750
    advance(clock, item.current_period_end + 7200)
    renewal = stripe.Invoice.list(customer=customer, limit=1).data[0]
    assert (renewal.total, renewal.amount_due, renewal.amount_paid) == (2900, 1150, 1150)
    assert (renewal.starting_balance, renewal.ending_balance) == (-1750, 0)
    # Not at once: it waits for the renewal.
    now = renewal.created
    period = stripe.Subscription.retrieve(subscription.id)["items"].data[0].current_period_end - now
    advance(clock, now + period // 2)
    stripe.Subscription.modify(subscription.id, items=[change])
    assert stripe.Invoice.list(customer=customer, limit=1).data[0].id == renewal.id
    advance(clock, now + period + 7200)
    latest = stripe.Invoice.list(customer=customer, limit=1).data[0]
    assert (latest.total, latest.status) == (9900 + 4950 - 1450, "paid")
    # A card that is declined changes nothing when that is asked for.
    operate("PUT", f"stripe/customers/{customer}", {"card": "failing"})
    error = refused(
        stripe.CardError,
        402,
        stripe.Subscription.modify,
        subscription.id,
        items=[{"id": item.id, "quantity": 3}],
        proration_behavior="always_invoice",
        payment_behavior="error_if_incomplete",
    )
    assert error.code == "card_declined"
    assert stripe.Subscription.retrieve(subscription.id)["items"].data[0].quantity == 1


def dunning():
    start = int(time.time()) // DAY * DAY
    clock, customer, subscription = on_clock(start)
    end = subscription["items"].data[0].current_period_end
    operate("PUT", f"stripe/customers/{customer}", {"card": "failing"})
    advance(clock, end + 3600)
    status = lambda: stripe.Subscription.retrieve(subscription.id).status
    invoice = stripe.Invoice.list(customer=customer, limit=1).data[0]
    assert (status(), invoice.status, invoice.attempt_count) == ("past_due", "open", 1)
    assert invoice.next_payment_attempt == end + 3600 + 3 * DAY
    assert stripe.Customer.retrieve(customer).delinquent
    refused(stripe.CardError, 402, stripe.Invoice.pay, invoice.id)
    assert stripe.Invoice.retrieve(invoice.id).attempt_count == 2
    advance(clock, end + 20 * DAY)
    invoice = stripe.Invoice.retrieve(invoice.id)
    assert (status(), invoice.attempt_count, invoice.next_payment_attempt) == ("unpaid", 4, None)
    assert types(type="invoice.payment_failed") == ["invoice.payment_failed"] * 4
    # While it is unpaid, renewals stay drafts.
    latest = lambda: stripe.Subscription.retrieve(subscription.id, expand=["latest_invoice"]).latest_invoice
    advance(clock, end + 40 * DAY)
    assert (latest().status, latest().auto_advance) == ("draft", False)
    operate("PUT", f"stripe/customers/{customer}", {"card": "good"})
    assert stripe.Invoice.pay(invoice.id).status == "paid"
    assert status() == "active"
    # Another end of the same story, by the account's settings.
    operate("PUT", "stripe/dunning", {"retry_days": [1], "end": "canceled"})
    clock, customer, subscription = on_clock(start)
    operate("PUT", f"stripe/customers/{customer}", {"card": "failing"})
    advance(clock, end + 3 * DAY)
    assert status() == "canceled"
    # A first payment that fails.
    clock, customer, subscription = on_clock(start, "pm_card_chargeCustomerFail")
    assert subscription.status == "incomplete"
    advance(clock, start + 2 * DAY)
    assert status() == "incomplete_expired"
    assert stripe.Invoice.list(customer=customer).data[0].status == "void"


def paused():
    start = int(time.time()) // DAY * DAY
    clock, customer, subscription = on_clock(start)
    stripe.Subscription.modify(subscription.id, pause_collection={"behavior": "void"})
    end = subscription["items"].data[0].current_period_end
    advance(clock, end + 2 * DAY)
    renewed = stripe.Subscription.retrieve(subscription.id, expand=["latest_invoice"])
    assert (renewed.status, renewed.latest_invoice.status) == ("active", "void")
    assert stripe.Subscription.modify(subscription.id, pause_collection="").pause_collection is None
    canceled = stripe.Subscription.cancel(subscription.id)
    assert (canceled.status, canceled.ended_at) == ("canceled", end + 2 * DAY)
    refused(stripe.InvalidRequestError, 404, stripe.Subscription.cancel, subscription.id)


def meters():
    meter = stripe.billing.Meter.create(
        display_name="Calls",
        event_name="calls",
        default_aggregation={"formula": "sum"},
        customer_mapping={"type": "by_id", "event_payload_key": "who"},
        value_settings={"event_payload_key": "n"},
    )
    assert [m.id for m in stripe.billing.Meter.list(status="active").data][0] == meter.id
    start = int(time.time()) // DAY * DAY
    clock, customer, subscription = on_clock(start, "pm_card_visa", "pro_monthly", "pro_overage")

    def report(value, at, identifier, name="llm_overage_credits"):
        return stripe.billing.MeterEvent.create(
            event_name=name,
            identifier=identifier,
            timestamp=at,
            payload={"stripe_customer_id": customer, "value": str(value)},
        )

    assert report(20_000, start, "one").identifier == "one"
    error = refused(stripe.InvalidRequestError, 400, report, 20_000, start, "one")
    assert "An event already exists with identifier one." in str(error)
    assert error.headers["stripe-should-retry"] == "false"
    advance(clock, start + 2 * DAY)
    report(12_345, start + DAY + 60, "two")
    report(1, start + 2 * DAY + 300, "three")
    refused(stripe.InvalidRequestError, 400, report, 1, start + 2 * DAY + 301, "four")
    refused(stripe.InvalidRequestError, 400, report, 1, start - 34 * DAY, "five")
    refused(stripe.InvalidRequestError, 400, report, 1, start, "six", "nothing")
    overage = price("pro_overage").recurring.meter

    def summaries(begin, end, **more):
        found = stripe.billing.Meter.list_event_summaries(
            overage, customer=customer, start_time=begin, end_time=end, **more
        )
        return [(row.start_time, row.aggregated_value) for row in found.data]

    assert summaries(start, start + 3 * DAY) == [(start, 32_346)]
    assert summaries(start, start + 3 * DAY, value_grouping_window="day") == [
        (start + 2 * DAY, 1),
        (start + DAY, 12_345),
        (start, 20_000),
    ]
    assert summaries(start + 5 * DAY, start + 6 * DAY) == []
    refused(stripe.InvalidRequestError, 400, summaries, start, start + 61)
    # What came only just is counted later.
    inject("hidden", "createMeterEvent", seconds=1)
    report(5, start + 2 * DAY, "seven")
    assert summaries(start, start + 3 * DAY) == [(start, 32_346)]
    time.sleep(1.1)
    assert summaries(start, start + 3 * DAY) == [(start, 32_351)]
    # The renewal bills it: 4 cents for each 10,000 that were begun, beside the next month.
    end = subscription["items"].data[0].current_period_end
    advance(clock, end + 60)
    report(10_000, end - 60, "late, while the invoice is a draft")
    advance(clock, end + 7200)
    invoice = stripe.Invoice.list(customer=customer, limit=1).data[0]
    lines = [(line.pricing.price_details.price, line.quantity, line.amount) for line in invoice.lines]
    assert lines == [(price("pro_overage").id, 42_351, 20), (price("pro_monthly").id, 1, 9900)], lines
    assert (invoice.status, invoice.amount_paid) == ("paid", 9920)


def portal():
    customer = stripe.Customer.create(email="ada@people.example")
    session = checkout(customer.id, "starter_monthly")
    press(session.url, "pay")
    subscription = stripe.checkout.Session.retrieve(session.id).subscription
    made = stripe.billing_portal.Session.create(customer=customer.id, return_url="https://cp.example/org")
    status, body, _ = press(made.url)
    assert status == 200 and "ada@people.example" in body and "Change to Pro, 99.00 USD" in body
    read = lambda: stripe.Subscription.retrieve(subscription, expand=["latest_invoice"])
    assert press(made.url, f"plan:{subscription}:{price('pro_monthly').id}")[0] == 303
    assert read()["items"].data[0].price.lookup_key == "pro_monthly"
    assert read().latest_invoice.billing_reason == "subscription_update"
    press(made.url, f"cancel:{subscription}")
    assert read().cancel_at_period_end and "ends with this period" in press(made.url)[1]
    press(made.url, f"keep:{subscription}")
    assert not read().cancel_at_period_end
    before = stripe.Customer.retrieve(customer.id).invoice_settings.default_payment_method
    press(made.url, "card:failing")
    assert stripe.Customer.retrieve(customer.id).invoice_settings.default_payment_method != before
    stripe.Subscription.modify(
        subscription,
        items=[{"id": read()["items"].data[0].id, "quantity": 2}],
        proration_behavior="always_invoice",
    )
    unpaid = read().latest_invoice
    assert (read().status, unpaid.status) == ("past_due", "open")
    status, body, _ = press(made.url, f"invoice:{unpaid.id}")
    assert status == 402 and "Your card was declined." in body
    assert press(unpaid.hosted_invoice_url, "pay")[0] == 402
    press(made.url, "card:good")
    assert press(made.url, f"invoice:{unpaid.id}")[0] == 303
    assert (read().status, read().latest_invoice.status) == ("active", "paid")
    assert press(made.url, "return")[2] == "https://cp.example/org"
    other = stripe.Customer.create()
    theirs = stripe.billing_portal.Session.create(customer=other.id)
    assert press(theirs.url, f"cancel:{subscription}")[0] == 404 and not read().cancel_at_period_end
    assert press(made.url + "x")[0] == 404


def restricted():
    create_clock = stripe.test_helpers.TestClock.create
    refused(stripe.PermissionError, 403, create_clock, frozen_time=1, api_key=RESTRICTED_KEY)
    refused(stripe.PermissionError, 403, stripe.WebhookEndpoint.list, api_key=RESTRICTED_KEY)
    refused(stripe.PermissionError, 403, stripe.Product.create, name="x", api_key=RESTRICTED_KEY)
    error = refused(stripe.PermissionError, 403, stripe.Invoice.pay, "in_1", api_key=RESTRICTED_KEY)
    assert "'invoices' with 'write' access" in str(error) and RESTRICTED_KEY not in str(error)
    customer = stripe.Customer.create(api_key=RESTRICTED_KEY)
    assert stripe.Customer.retrieve(customer.id, api_key=RESTRICTED_KEY).id == customer.id
    stripe.Price.list(api_key=RESTRICTED_KEY)
    needed = operate("GET", "stripe/permissions")["needed"]
    assert needed == {"customers": "write", "prices": "read"}


globals()[sys.argv[2]]()
