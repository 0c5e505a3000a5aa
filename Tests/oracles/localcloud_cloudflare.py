"""Talks to a running LocalCloud with Cloudflare's own client.

usage: localcloud_cloudflare.py READY_FILE SCENARIO"""

import base64
import json
import os
import sys
import urllib.request

import cloudflare

READY = json.load(open(sys.argv[1]))
ACCOUNT, ZONE = READY["cloudflare_account_id"], READY["cloudflare_zone_id"]


def client(token=os.environ["CLOUDFLARE_API_TOKEN"]):
    return cloudflare.Cloudflare(api_token=token, base_url=READY["cloudflare_api_url"], max_retries=0)


cf = client()
tunnels, records = cf.zero_trust.tunnels.cloudflared, cf.dns.records


def refused(status, code, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except cloudflare.APIStatusError as error:
        found = (error.status_code, error.body["errors"][0]["code"])
        assert found == (status, code), found
        assert error.body["success"] is False and error.body["result"] is None
        return error.response
    raise AssertionError(f"{code} was expected")


def tunnel_life():
    secret = base64.b64encode(b"s" * 32).decode()
    made = tunnels.create(account_id=ACCOUNT, name="acme", config_src="cloudflare", tunnel_secret=secret)
    refused(409, 1013, tunnels.create, account_id=ACCOUNT, name="acme")
    tunnels.create(account_id=ACCOUNT, name="acme-2")
    assert [t.id for t in tunnels.list(account_id=ACCOUNT, name="acme", is_deleted=False)] == [made.id]
    token = json.loads(base64.b64decode(tunnels.token.get(made.id, account_id=ACCOUNT)))
    assert token["a"] == ACCOUNT and token["t"] == made.id and token["s"] == secret
    rules = [
        {"hostname": "acme.localhost", "service": "http://127.0.0.1:8080"},
        {"service": "http_status:404"},
    ]
    tunnels.configurations.update(made.id, account_id=ACCOUNT, config={"ingress": rules})
    read = tunnels.configurations.get(made.id, account_id=ACCOUNT)
    assert read.version == 1 and read.config.ingress[0].hostname == "acme.localhost"
    refused(
        400, 1056, tunnels.configurations.update, made.id, account_id=ACCOUNT, config={"ingress": rules[:1]}
    )
    assert not tunnels.connections.get(made.id, account_id=ACCOUNT).result
    tunnels.connections.delete(made.id, account_id=ACCOUNT)
    assert tunnels.delete(made.id, account_id=ACCOUNT).deleted_at
    refused(404, 1003, tunnels.delete, made.id, account_id=ACCOUNT)
    assert [t.id for t in tunnels.list(account_id=ACCOUNT, name="acme", is_deleted=False)] == []
    tunnels.create(account_id=ACCOUNT, name="acme")


def record_life():
    made = records.create(
        zone_id=ZONE, name="a", type="CNAME", content="one.cfargotunnel.com", proxied=True, ttl=1
    )
    assert made.name == "a.localhost" and made.proxied
    refused(
        400,
        81058,
        records.create,
        zone_id=ZONE,
        name="a.localhost",
        type="CNAME",
        content="one.cfargotunnel.com",
        ttl=1,
    )
    refused(
        400, 81053, records.create, zone_id=ZONE, name="a.localhost", type="CNAME", content="two.x", ttl=1
    )
    refused(400, 81054, records.create, zone_id=ZONE, name="a.localhost", type="A", content="10.0.0.1", ttl=1)
    refused(400, 9005, records.create, zone_id=ZONE, name="b", type="A", content="not an address", ttl=1)
    for index in range(11):
        records.create(zone_id=ZONE, name=f"n{index}", type="A", content="10.0.0.1", ttl=300)
    assert len(list(records.list(zone_id=ZONE, per_page=5))) == 12
    assert [r.id for r in records.list(zone_id=ZONE, name={"exact": "a.localhost"}, type="CNAME")] == [
        made.id
    ]
    assert not list(records.list(zone_id=ZONE, name={"exact": "a.localhost"}, type="A"))
    edited = records.edit(made.id, zone_id=ZONE, name="a.localhost", type="CNAME", content="three.x", ttl=1)
    assert edited.content == "three.x" and edited.proxied
    put = records.update(made.id, zone_id=ZONE, name="a.localhost", type="CNAME", content="four.x", ttl=1)
    assert put.content == "four.x"
    assert records.get(made.id, zone_id=ZONE).content == "four.x"
    assert records.delete(made.id, zone_id=ZONE).id == made.id
    refused(404, 81044, records.delete, made.id, zone_id=ZONE)


def batches():
    one = records.create(zone_id=ZONE, name="one", type="A", content="10.0.0.1", ttl=1)
    done = records.batch(
        zone_id=ZONE,
        deletes=[{"id": one.id}],
        posts=[{"name": "one", "type": "CNAME", "content": "x.cfargotunnel.com", "proxied": True, "ttl": 1}],
    )
    assert [r.id for r in done.deletes] == [one.id] and done.posts[0].name == "one.localhost"
    refused(
        400,
        81053,
        records.batch,
        zone_id=ZONE,
        deletes=[{"id": done.posts[0].id}],
        posts=[
            {"name": "two", "type": "CNAME", "content": "x", "ttl": 1},
            {"name": "two", "type": "CNAME", "content": "y", "ttl": 1},
        ],
    )
    assert [r.name for r in records.list(zone_id=ZONE)] == [
        "one.localhost"
    ], "a refused batch changes nothing"


def refusals():
    refused(403, 9109, client("wrong").zero_trust.tunnels.cloudflared.create, account_id=ACCOUNT, name="x")
    refused(403, 10000, tunnels.create, account_id="0" * 32, name="x")
    refused(404, 7003, records.create, zone_id="0" * 32, name="x", type="A", content="10.0.0.1", ttl=1)


def quotas():
    for index in range(3):
        tunnels.create(account_id=ACCOUNT, name=f"t{index}")
        records.create(zone_id=ZONE, name=f"r{index}", type="A", content="10.0.0.1", ttl=1)
    refused(400, 1030, tunnels.create, account_id=ACCOUNT, name="t3")
    refused(400, 81045, records.create, zone_id=ZONE, name="r3", type="A", content="10.0.0.1", ttl=1)


def rate_limit():
    for _ in range(1200):
        tunnels.list(account_id=ACCOUNT, name="none")
    answer = refused(429, 971, tunnels.list, account_id=ACCOUNT, name="none")
    assert 290 <= int(answer.headers["retry-after"]) <= 300


def filters():
    for index in range(5):
        tunnels.create(account_id=ACCOUNT, name=f"molecule-tenant-{index}")
    tunnels.create(account_id=ACCOUNT, name="other")
    page = tunnels.list(account_id=ACCOUNT, include_prefix="molecule-", is_deleted=False, per_page=2)
    assert (page.result_info.total_count, len(page.result), len(list(page))) == (5, 2, 5)
    assert {(t.status, len(t.connections)) for t in page} == {("inactive", 0)}
    for name, comment in [("a", "molecule org 1"), ("b", "molecule org 2"), ("c", "by hand"), ("d", None)]:
        options = {} if comment is None else {"comment": comment}
        records.create(zone_id=ZONE, name=name, type="TXT", content="x", ttl=1, **options)
    found = records.list(zone_id=ZONE, comment={"startswith": "molecule org "}, per_page=1)
    assert [r.name for r in found] == ["a.localhost", "b.localhost"] and found.result_info.total_count == 2
    assert [r.name for r in records.list(zone_id=ZONE, name={"contains": "c.loc"})] == ["c.localhost"]
    assert not list(records.list(zone_id=ZONE, content={"exact": "y"}))


def places():
    one, two = READY["cloudflare_places"]
    for place, quota in [(one, 2), (two, 3)]:
        account, zone = place["account_id"], place["zone_id"]
        for index in range(quota):
            tunnels.create(account_id=account, name=f"t{index}")
            made = records.create(zone_id=zone, name=f"n{index}", type="A", content="10.0.0.1", ttl=1)
            assert made.name == f"n{index}.{place['domain']}"
        refused(400, 1030, tunnels.create, account_id=account, name="more")
        refused(400, 81045, records.create, zone_id=zone, name="more", type="A", content="10.0.0.1", ttl=1)
        assert len(list(tunnels.list(account_id=account))) == quota
        assert len(list(records.list(zone_id=zone))) == quota
    refused(403, 10000, tunnels.list, account_id="0" * 32)


def faults():
    def inject(fault, operation, **more):
        rule = {"service": "cloudflare", "operation": operation, "fault": fault, **more}
        request = urllib.request.Request(
            READY["aws_endpoint_url"] + "/_localcloud/faults",
            method="PUT",
            data=json.dumps({"rules": [rule]}).encode(),
        )
        urllib.request.urlopen(request)

    def lost(call, **options):
        try:
            call(**options)
        except cloudflare.APIConnectionError:
            return
        raise AssertionError("an answer came")

    names = lambda: [t.name for t in tunnels.list(account_id=ACCOUNT, is_deleted=False)]
    inject("reset", "createTunnel")
    lost(tunnels.create, account_id=ACCOUNT, name="one")
    assert names() == []
    inject("lost_reply", "createTunnel")
    lost(tunnels.create, account_id=ACCOUNT, name="one")
    assert names() == ["one"]
    inject("hidden", "createTunnel", seconds=3600)
    made = tunnels.create(account_id=ACCOUNT, name="two")
    assert names() == ["one"]
    refused(409, 1013, tunnels.create, account_id=ACCOUNT, name="two")
    assert tunnels.token.get(made.id, account_id=ACCOUNT)
    inject("throttle", "listRecords", seconds=7)
    response = refused(429, 971, records.list, zone_id=ZONE)
    assert response.headers["retry-after"] == "7" and response.headers["cf-ray"]
    inject("status_503", "deleteTunnel")
    refused(503, 10013, tunnels.delete, made.id, account_id=ACCOUNT)
    tunnels.delete(made.id, account_id=ACCOUNT)


globals()[sys.argv[2]]()
