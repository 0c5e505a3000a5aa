import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import Organisations
@testable import Providers
@testable import Service

/// Every number and every time that a request can hold, at its ends, over HTTP: whatever the answer is, it is
/// one for the caller, and the service lives on.
@Suite struct NumberRequestFuzzTests {
    /// `#` stands for a number, `@` for a day, `%` for a time.
    private struct Template {
        var method: String
        var path: String
        var body: String?

        init(_ method: String, _ path: String, _ body: String? = nil) {
            (self.method, self.path, self.body) = (method, path, body)
        }
    }

    private static let price =
        #""input_millicredits":#,"output_millicredits":#,"cached_millicredits":#,"reasoning_millicredits":#"#
    private static let event =
        #"{"events":[{"id":"0b2f0c5e-9f0f-4b58-a9a2-6f3c4b7d6a11","workspace_id":"#
        + #""0b2f0c5e-9f0f-4b58-a9a2-6f3c4b7d6a11","provider":"anthropic","model":"m","input_tokens":#,"#
        + #""output_tokens":#,"cached_tokens":#,"reasoning_tokens":#,"occurred_at":"%"}]"#

    private static let operators: [Template] = [
        Template("GET", "/cp/admin/orgs?limit=#&offset=#"),
        Template("GET", "/cp/admin/rollouts?limit=#"),
        Template("GET", "/cp/admin/rollouts/x/tenants?limit=#&offset=#"),
        Template("GET", "/cp/admin/billing/subscriptions?limit=#&offset=#"),
        Template("GET", "/cp/admin/audit?limit=#&before=#"), Template("GET", "/cp/admin/audit?before=#"),
        Template("GET", "/cp/admin/audit?since=%"), Template("GET", "/cp/admin/audit?until=%&since=%"),
        Template("GET", "/cp/admin/audit/export?after=#"),
        Template("GET", "/cp/admin/usage/gaps?limit=#"), Template("GET", "/cp/admin/usage/set-aside?limit=#"),
        Template("GET", "/cp/admin/usage/check?month=@"),
        Template("GET", "/cp/admin/billing/overage?month=@"),
        Template("GET", "/cp/admin/periodic-failures?limit=#"),
        Template("GET", "/cp/admin/analytics/workspaces?days=#"),
        Template("GET", "/cp/admin/tenants/acme/redeploys?limit=#"),
        Template("GET", "/cp/admin/orgs/acme/usage?from=@&to=@"),
        Template("GET", "/cp/admin/orgs/acme/usage?to=@"),
        Template("GET", "/cp/admin/orgs/acme/usage?from=@"),
        Template("GET", "/cp/admin/orgs/acme/credits?month=@"),
        Template("POST", "/cp/admin/orgs/acme/credits", #"{"credits":#,"key":"k","note":null}"#),
        Template("POST", "/cp/admin/orgs/acme/credits", #"{"credits":#,"key":"j","note":"n","month":"@"}"#),
        Template("POST", "/cp/admin/usage/prices", #"{"provider":"p","model":"*",\#(price)}"#),
        Template(
            "POST", "/cp/admin/usage/prices", #"{"provider":"p#","model":"*","valid_from":"%",\#(price)}"#),
        Template("POST", "/cp/admin/operator-tokens", #"{"name":"n","scopes":["read"],"expires_in_days":#}"#),
        Template(
            "POST", "/cp/admin/partner-keys",
            #"{"name":"n","scopes":["orgs:create"],"expires_in_days":#,"rate_limit":#}"#),
        Template("PATCH", "/cp/admin/tenants/acme/release", #"{"maintenance_seconds":#}"#),
        Template("POST", "/cp/admin/tenants/acme/redeploy", #"{"drain_seconds":#}"#),
        Template("POST", "/cp/admin/tenants/acme/instance-type", #"{"instance_type":"t3.#xlarge"}"#),
        Template(
            "POST", "/cp/admin/rollouts",
            #"{"channel":"stable","soak_seconds":#,"wave_soak_seconds":#,"batch_size":#,"concurrency":#}"#),
        Template(
            "POST", "/cp/admin/tenants/redeploy-fleet", #"{"soak_seconds":#,"batch_size":#,"dry_run":true}"#),
    ]

    private static let owners: [Template] = [
        Template("PATCH", "/cp/orgs/acme/overage-cap", #"{"credits":#}"#),
        Template("PATCH", "/cp/orgs/acme", #"{"quotas":{"workspaces":#,"llm_tokens":#}}"#),
        Template("PATCH", "/cp/orgs/acme", #"{"workspaces":#,"llm_tokens":#}"#),
        Template("POST", "/cp/orgs/acme/tokens", #"{"name":"n","scopes":["read"],"expires_in_days":#}"#),
        Template("GET", "/cp/orgs/acme/usage?from=@&to=@"), Template("GET", "/cp/orgs/acme/credits?month=@"),
    ]

    private static let tenants: [Template] = [
        Template("POST", "/cp/llm-usage-events", event + "}"),
        Template(
            "POST", "/cp/llm-usage-events",
            event + #","epoch":"0b2f0c5e-9f0f-4b58-a9a2-6f3c4b7d6a11","sequence":#}"#),
        Template(
            "POST", "/cp/llm-usage-events",
            #"{"events":[],"epoch":"0b2f0c5e-9f0f-4b58-a9a2-6f3c4b7d6a11","lost":[{"from":#,"to":#}]}"#),
        Template(
            "POST", "/cp/workspace-events",
            #"{"events":[{"id":"0b2f0c5e-9f0f-4b58-a9a2-6f3c4b7d6a11","workspace_id":"#
                + #""0b2f0c5e-9f0f-4b58-a9a2-6f3c4b7d6a11","kind":"created","occurred_at":"%"}]}"#),
    ]

    private static let instances: [Template] = [
        Template(
            "POST", "/cp/tenants/boot-event",
            #"{"sequence":#,"stage":"docker","outcome":"failed","duration_ms":#,"exit_code":#,"#
                + #""code":"docker_failed"}"#)
    ]

    private static let numbers = [
        "0", "-1", "1.5", "1e400", "-0", "1e18", "1e-400", "9223372036854775808", "-9223372036854775809",
        "99999999999999999999999999", "NaN", "00000000000000000001",
    ]
    private static let days = [
        "0000-01-01", "0000-01", "0001-01-01", "0001-01", "9999-12-31", "9999-12", "9998-12", "10000-01-01",
        "99999-01-01", "-001-01-01", "+2026-1-1", "2026-02-30", "2026-00", "1970-01", "5000000-01",
    ]
    private static let times = [
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
        "10000-01-01T00:00:00Z",
        "99999-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2026-12-31T23:59:60Z", "-0001-01-01T00:00:00Z",
        "2026-01-01T00:00:00.99999999999999999999Z", "9999-12-31T23:59:59-23:59",
    ]

    private static func fill(_ text: String, _ random: inout SplitMix) -> String {
        var filled = ""
        for character in text {
            switch character {
            case "#":
                let number = Bool.random(using: &random) ? nil : numbers.randomElement(using: &random)
                filled += number ?? "\(random.extremeInt())"
            case "@": filled += days.randomElement(using: &random) ?? ""
            case "%": filled += times.randomElement(using: &random) ?? ""
            default: filled.append(character)
            }
        }
        return filled
    }

    @Test(.timeLimit(.minutes(3)))
    func noNumberOfARequestEndsTheServiceOrFailsIt() async throws {
        let names = RateLimits.names.map { #""\#($0)":0"# }.joined(separator: ",")
        try await TestCloud.run(["RATE_LIMITS": "{\(names)}"]) { cloud in
            let service = cloud.service
            let (org, secrets) = try await service.launchedOrg(
                slug: "acme", instanceID: "i-0123456789abcdef0")
            try await service.platform.database.execute("UPDATE orgs SET status = 'running', plan = 'pro'")
            try await service.add("owner", to: org, as: .owner)
            let owner = try await service.signIn("owner")
            let origin = service.platform.configuration.browser.url.origin
            let callers: [([Template], String?, [HTTPField])] = [
                (Self.operators, ExampleEnvironment.adminToken, []),
                (Self.owners, nil, [HTTPField("Cookie", owner.cookie), HTTPField("Origin", origin)]),
                (Self.tenants, secrets.adminToken, [HTTPField("X-Molecule-Org-Id", org.id.text)]),
                (Self.instances, secrets.bootToken, [HTTPField("X-Molecule-Org-Id", org.id.text)]),
            ]
            var random = SplitMix(state: 20)
            var count = 0
            var taken = 0
            for _ in 0..<12 {
                for (templates, token, headers) in callers {
                    for template in templates {
                        let path = Self.fill(template.path, &random).replacing("+", with: "%2B")
                        let body = template.body.map { Self.fill($0, &random) }
                        let answer = try await service.send(
                            template.method, path, token: token, body: body, headers: headers)
                        #expect(
                            answer.status < 500 && answer.status != 401,
                            "\(template.method) \(path) \(body ?? ""): \(answer.status) \(answer.json)")
                        count += 1
                        if answer.status < 300 { taken += 1 }
                    }
                }
            }
            print("numbers: \(count) requests, \(taken) taken")
            #expect(taken > count / 20, "some extremes are allowed, else nothing was reached")
            #expect(try await service.send("GET", "/health").status == 200)
        }
    }

    /// Before any signature is looked at.
    @Test func noTimeOfAWebhookEndsTheService() async throws {
        let environment = [
            "STRIPE_API_URL": "http://127.0.0.1:9", "STRIPE_SECRET_KEY": "rk_test_x",
            "STRIPE_WEBHOOK_SECRETS": "whsec_new", "CP_WORKERS": "1",
        ]
        try await TestService.run(environment) { service in
            let now = Date.now.wholeSeconds
            let times = [
                .min, .min + 1, .max, 0, now &- .min, now &- .max, now - .max, -now, now - 301, now + 302,
            ]
            for time in times {
                let answer = try await service.send(
                    "POST", WebhookRoute.path, token: nil, body: "{}",
                    headers: [HTTPField("Stripe-Signature", "t=\(time),v1=00")])
                #expect(answer.status == 401, "\(time): \(answer.json)")
            }
            // Signed, with times and amounts that no row can hold.
            for number in ["9223372036854775807", "-9223372036854775808", "253402300800", "-62135596801"] {
                let body = """
                    {"id":"evt_\(number)","type":"customer.subscription.updated","created":\(number),
                    "livemode":false,"data":{"object":{"id":"sub_1","customer":"cus_1"}}}
                    """
                let signature = StripeSignature.sign(Array(body.utf8), secret: "whsec_new", time: now)
                let answer = try await service.send(
                    "POST", WebhookRoute.path, token: nil, body: body,
                    headers: [HTTPField("Stripe-Signature", "t=\(now),v1=\(signature)")])
                #expect(answer.status == 200, "\(number): \(answer.json)")
            }
        }
    }
}
