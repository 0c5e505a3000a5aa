import CurlHTTP
import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import AdminProtocol
@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct RateLimitTests {
    static let twice = ["RATE_LIMITS": #"{"public.address":2,"operators.credential":5,"boot.credential":3}"#]

    @Test func aRouteClassHasItsOwnLimitAndTheAnswerSaysWhenToComeBack() async throws {
        try await TestService.run(Self.twice) { service in
            for _ in 0..<5 { #expect(try await service.send("GET", "/cp/admin/channels").status == 200) }
            let refused = try await service.send("GET", "/cp/admin/orgs")
            #expect(refused.status == 429 && refused.code == "rate_limited")
            #expect(refused.contentType == "application/problem+json")
            let seconds = try #require(refused.json["retry_after"]?.number)
            #expect(refused.headers.header("Retry-After") == "\(seconds)" && (1...120).contains(seconds))
            // Probes and others are let in.
            for _ in 0..<20 { #expect(try await service.send("GET", "/health").status == 200) }
            let token = try await service.tokenOfAnOperator()
            #expect(try await service.send("GET", "/cp/admin/orgs", token: token).status == 200)
        }
    }

    /// Many instances behind one address: each has its own limit, and a wrong token takes nobody's.
    @Test func bootEventsAreLimitedByLaunchAndNotByAddress() async throws {
        try await TestService.run(["RATE_LIMITS": #"{"boot.credential":20}"#]) { service in
            let one = try await service.launchedOrg(slug: "one-org")
            let two = try await service.launchedOrg(slug: "two-org")
            func report(_ org: Org, _ token: String, _ number: Int) async throws -> Int {
                try await service.send(
                    "POST", "/cp/tenants/boot-event", token: token, org: org.id.text,
                    body: #"{"sequence":\#(number),"stage":"docker","outcome":"started"}"#
                ).status
            }
            for number in 1...20 {
                #expect(try await report(one.org, one.secrets.bootToken, number) == 204)
                #expect(try await report(one.org, "wrong-token", number) == 401)
            }
            #expect(try await report(one.org, one.secrets.bootToken, 21) == 429)
            #expect(try await report(two.org, two.secrets.bootToken, 1) == 204)
        }
    }

    /// 10,000 instances that boot at once from one address, with the standard limits: nobody is refused, and
    /// nothing of it costs a statement.
    @Test func aFleetThatBootsIsNotThrottled() async throws {
        try await withTestDatabase { database in
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let limiter = RequestLimiter(database: database.pool, logger: logger) { 1_000_000 }
            let limit = try #require(RateLimits()[.boot].credential)
            #expect(RateLimits()[.boot].address == nil)
            let started = ContinuousClock.now
            for _ in 0..<30 {
                for tenant in 0..<10_000 { try limiter.admit("boot.credential/\(tenant)", limit: limit) }
            }
            let each = (ContinuousClock.now - started) / .nanoseconds(1) / 300_000
            print("rate limiter: \(Int(each)) ns a request in this build")
            try await limiter.exchange()
            let rows = try await database.pool.query("SELECT count(*)::int AS n FROM request_counts")
            #expect(try rows[0]["n", as: Int.self] == 0)
        }
    }

    /// A stream is one request, however long it lasts.
    @Test func aStreamCountsOnce() async throws {
        try await TestService.run(["RATE_LIMITS": #"{"operators.credential":4}"#]) { service in
            _ = try await service.launchedOrg(slug: "acme")
            let path = service.url + "/cp/admin/orgs/acme/provision-status/stream"
            let request = HTTPRequest(
                "GET", path,
                headers: [HTTPField("Authorization", "Bearer \(ExampleEnvironment.adminToken)")])
            let (head, body) = try await HTTPClient().stream(request)
            #expect(head.status == 200)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for try await _ in body {} }
                try await Task.sleep(for: .milliseconds(1_200))
                for _ in 0..<3 {
                    #expect(try await service.send("GET", "/cp/admin/channels").status == 200)
                }
                #expect(try await service.send("GET", "/cp/admin/channels").status == 429)
                group.cancelAll()
                while let _ = await group.nextResult() {}
            }
        }
    }

    @Test func replicasShareOneLimit() async throws {
        try await withTestDatabase { database in
            let time = Mutex(6_000.0)
            let (limit, replicas) = (100, 3)
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let limiters = (0..<replicas).map { _ in
                RequestLimiter(database: database.pool, logger: logger) { time.withLock { $0 } }
            }
            var admitted = 0
            for round in 0..<200 {
                for limiter in limiters where (try? limiter.admit("a", limit: limit)) != nil { admitted += 1 }
                if round % 5 == 4 { for limiter in limiters { try await limiter.exchange() } }
            }
            // A tenth that is not told, and what came between two exchanges.
            #expect((limit...(limit + replicas * (limit / 10 + 5))).contains(admitted), "\(admitted)")
            time.withLock { $0 += 120 }
            try limiters[0].admit("a", limit: limit)
        }
    }

    /// The limiter counts by itself while the database is away, and refuses nobody for that.
    @Test func anAbsentDatabaseTakesNothingDown() async throws {
        let database = try await TestDatabase.create()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let limiter = RequestLimiter(database: database.pool, logger: logger) { 6_000 }
        await database.drop()
        for _ in 0..<5 { try limiter.admit("a", limit: 5) }
        await #expect(throws: (any Error).self) { try await limiter.exchange() }
        let refused = #expect(throws: AppError.self) { try limiter.admit("a", limit: 5) }
        #expect(refused?.code == "rate_limited")
        try limiter.admit("b", limit: 5)
    }

    @Test func whatIsOverIsForgotten() async throws {
        try await withTestDatabase { database in
            let store = RequestCountStore(database: database.pool)
            #expect(try await store.add([("a", 3), ("b", 1)], minute: 10) == ["a": 3, "b": 1])
            #expect(try await store.add([("a", 4)], minute: 10) == ["a": 7])
            #expect(try await store.add([("a", 1)], minute: 12) == ["a": 1])
            try await store.forget(before: 11)
            let rows = try await database.pool.query("SELECT minute::int AS minute FROM request_counts")
            #expect(try rows.map { try $0["minute", as: Int.self] } == [12])
        }
    }

    @Test func theLimitsAreNamedAndBadOnesAreRefused() throws {
        let limits = try #require(RateLimits(overrides: ["public.address": 7, "tenant.credential": 0]))
        #expect(limits[.open].address == 7 && limits[.tenant].credential == nil)
        #expect(limits[.signIn] == RateLimits()[.signIn])
        #expect(try #require(RateLimits(overrides: ["sign_up.user_day": 2])).signupsPerUserDay == 2)
        #expect(RateLimits(overrides: ["nobody.address": 1]) == nil)
        #expect(RateLimits(overrides: ["public.address": -1]) == nil)
        #expect(Set(RateLimits.standard.keys) == Set(RouteClass.allCases))
        for bad in ["x", "[]", #"{"public.address":"1"}"#, #"{"nobody.address":1}"#] {
            let environment = try ExampleEnvironment.make(["RATE_LIMITS": bad])
            #expect(throws: ConfigurationError.self) { try Configuration(environment: environment) }
        }
        let proxies = try ExampleEnvironment.make(["TRUSTED_PROXIES": "10.0.0.0/8, nowhere"])
        #expect(throws: ConfigurationError.self) { try Configuration(environment: proxies) }
    }

    @Test func behindATrustedProxyEachClientHasItsOwnLimit() async throws {
        let settings = [
            "TRUSTED_PROXIES": "127.0.0.0/8", "RATE_LIMITS": #"{"operators.address":2}"#,
        ]
        try await TestService.run(settings) { service in
            for (client, status) in [
                ("198.51.100.1", 200), ("9.9.9.9, 198.51.100.1", 200), ("198.51.100.1", 429),
                ("198.51.100.2", 200),
            ] {
                let forwarded = HTTPField("X-Forwarded-For", client)
                let answer = try await service.send("GET", "/cp/admin/orgs", headers: [forwarded])
                #expect(answer.status == status, "\(client)")
            }
        }
    }

    @Test func oneUserAndOneAddressMakeSoManyOrganisationsADay() async throws {
        try await withTestDatabase { database in
            let limits = try #require(
                RateLimits(overrides: ["sign_up.user_day": 2, "sign_up.address_day": 3]))
            func signUp(_ user: String, _ address: String?, fails: Bool = false) async throws {
                try await database.pool.transaction { transaction in
                    try await SignupLimits(limits: limits, database: transaction)
                        .take(user: user, address: address)
                    if fails { throw CancellationError() }
                }
            }
            try await signUp("ada", "1.1.1.1")
            await #expect(throws: CancellationError.self) {
                try await signUp("ada", "1.1.1.1", fails: true)
            }
            try await signUp("ada", "2001:db8::1")
            let refused = await #expect(throws: AppError.self) { try await signUp("ada", "1.1.1.1") }
            #expect(refused?.code == "signup_limit" && (1...86_400).contains(refused?.retryAfter ?? 0))
            try await signUp("bob", "1.1.1.1")
            try await signUp("cyd", "1.1.1.1")
            let address = await #expect(throws: AppError.self) { try await signUp("dan", "1.1.1.1") }
            #expect(address?.message.contains("One address") == true)
            try await signUp("dan", nil)
            try await database.pool.execute("UPDATE signup_counts SET day = day - 2")
            try await SignupLimits.forget(database.pool)
            let rows = try await database.pool.query("SELECT count(*)::int AS n FROM signup_counts")
            #expect(try rows[0]["n", as: Int.self] == 0)
        }
    }
}

extension TestService {
    fileprivate func tokenOfAnOperator() async throws -> String {
        let token = CredentialToken.random(.operator)
        _ = try await CredentialStore(database: platform.database).insert(
            .init(name: "o", role: .read, createdBy: "test"), token)
        return token.text
    }
}
