import TestSupport
import Testing

/// boto3 against the AWS endpoint.
@Suite struct AWSTests {
    @Test(arguments: [
        "launch_shapes", "client_tokens", "paging_and_filters", "launch_refusals", "security_groups",
        "stop_and_start", "commands", "keys", "signatures", "volumes_and_snapshots", "faults",
        "behind_the_back", "registry_tokens", "machine_images",
    ])
    func answersBoto3AsAWSDoes(scenario: String) async throws {
        try await RunningCloud.with { try await $0.judge("localcloud_aws.py", scenario) }
    }

    /// 30 s of `offline` are the shortest delivery timeout that SSM takes.
    @Test(arguments: ["addressing", "rate_control", "lists", "offline"])
    func commandsAFleetAsAWSDoes(scenario: String) async throws {
        try await RunningCloud.with { try await $0.judge("localcloud_fleet.py", scenario) }
    }

    @Test(arguments: ["commands", "rules", "observations"])
    func simulatedTenantsAreRedeployed(scenario: String) async throws {
        try await RunningCloud.with { try await $0.judge("localcloud_redeploy.py", scenario) }
    }

    @Test func newThingsAreInvisibleForAWhileWhenAsked() async throws {
        try await RunningCloud.with("--consistency-delay", "1500") {
            try await $0.judge("localcloud_aws.py", "consistency")
        }
    }

    @Test func launchesAreThrottledWhenAsked() async throws {
        try await RunningCloud.with("--throttle") { try await $0.judge("localcloud_aws.py", "throttling") }
    }
}

/// The `cloudflare` package against the Cloudflare endpoint.
@Suite struct CloudflareTests {
    @Test(arguments: ["tunnel_life", "record_life", "batches", "refusals", "filters", "faults"])
    func answersTheOfficialClient(scenario: String) async throws {
        try await RunningCloud.with { try await $0.judge("localcloud_cloudflare.py", scenario) }
    }

    @Test func refusesBeyondItsQuotas() async throws {
        try await RunningCloud.with("--maximum-tunnels", "3", "--maximum-records", "3") {
            try await $0.judge("localcloud_cloudflare.py", "quotas")
        }
    }

    @Test func keepsSeveralAccountsAndZonesApart() async throws {
        let places = """
            [{"account_id":"\(String(repeating: "a", count: 32))","zone_id":"1","domain":"one.localhost",
            "maximum_tunnels":2,"maximum_records":2},
            {"account_id":"\(String(repeating: "b", count: 32))","zone_id":"2","domain":"two.localhost"}]
            """
        try await RunningCloud.with(
            "--maximum-tunnels", "3", "--maximum-records", "3",
            environment: ["CLOUDFLARE_PLACES": places]
        ) { try await $0.judge("localcloud_cloudflare.py", "places") }
    }

    @Test func limitsTheRequestRateWhenAsked() async throws {
        try await RunningCloud.with("--cloudflare-throttle") {
            try await $0.judge("localcloud_cloudflare.py", "rate_limit")
        }
    }
}
