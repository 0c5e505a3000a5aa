import CurlHTTP
import Foundation
import Postgres
import TestSupport
import WireText

@testable import Billing
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// One organisation with everything that can be presented to it, and another that is none of its business.
struct MatrixWorld: Sendable {
    static let slug = "acme"
    static let webhookSecret = "whsec_matrix"

    let service: TestService
    let org: Org
    private(set) var presenters: [Presenter] = []

    private static let all = Set(Scope.allCases)
    private static let ownPage = TestUser.ownPage

    init(_ service: TestService) async throws {
        self.service = service
        org = try await service.org(Self.slug, owner: "owner")
        let other = try await service.org("other-org", owner: "stranger")
        try await service.platform.database.execute(
            """
            UPDATE orgs SET status = 'running', partner_id = CASE WHEN slug = 'acme' THEN 'partner-1' END
            """)
        addNobodies()
        try await addOperators()
        try await addKeys(other)
        try await addSessions()
        try await addTenants(other)
        try await keep()
    }

    // MARK: Nobody

    private mutating func addNobodies() {
        let random = CredentialKind.allCases.map {
            ("unknown \($0.rawValue)", CredentialToken.random($0).text)
        }
        let malformed = [
            ("malformed", "Bearer x"), ("empty bearer", "Bearer "), ("basic", "Basic b3duZXI6eA=="),
            ("token without a scheme", ExampleEnvironment.adminToken),
            ("lower-case scheme", "bearer \(ExampleEnvironment.adminToken)"),
            ("two tokens", "Bearer \(ExampleEnvironment.adminToken), Bearer x"),
        ]
        add("nothing", [], .nobody)
        for (name, header) in malformed {
            add(name, [HTTPField("Authorization", header), Presenter.org(org.id)], .nobody)
        }
        for (name, token) in random { add(name, [Presenter.bearer(token), Presenter.org(org.id)], .nobody) }
        add("shared secret", [Presenter.bearer(ExampleEnvironment.sharedSecret)], .nobody)
        let now = Int(Date.now.timeIntervalSince1970)
        add("a wrong signature of Stripe's", [HTTPField("Stripe-Signature", "t=\(now),v1=00")], .nobody)
        let body = AuthorizationMatrixTests.bodies[WebhookRoute.path] ?? ""
        func signed(_ secret: String, _ time: Int) -> [HTTPField] {
            let signature = StripeSignature.sign(Array(body.utf8), secret: secret, time: time)
            return [HTTPField("Stripe-Signature", "t=\(time),v1=\(signature)")]
        }
        add("Stripe's signature", signed(Self.webhookSecret, now + 200), .stripe)
        add("Stripe's stale signature", signed(Self.webhookSecret, now - 3_600), .nobody)
        add("a signature under another secret", signed("whsec_other", now), .nobody)
    }

    private mutating func add(_ name: String, _ headers: [HTTPField], _ standing: Presenter.Standing) {
        presenters.append(Presenter(name: name, headers: headers, standing: standing))
    }

    // MARK: Issued by name

    private mutating func addOperators() async throws {
        add("environment", [Presenter.bearer(ExampleEnvironment.adminToken)], .operator(.admin))
        for role in OperatorRole.allCases {
            let token = try await issue(.operator, .init(name: role.rawValue, role: role, createdBy: "test"))
            add("operator \(role.rawValue)", [Presenter.bearer(token)], .operator(role))
        }
        let new = CredentialStore.New(name: "late", role: .admin, createdBy: "test")
        add(
            "expired operator", [Presenter.bearer(try await issue(.operator, new, .expired))],
            .expired(.operator))
        add("revoked operator", [Presenter.bearer(try await issue(.operator, new, .revoked))], .nobody)
        let hash = TokenHash(of: try await issue(.operator, new)).bytes.hex
        add("hash of an operator's token", [Presenter.bearer(hash)], .nobody)
    }

    private mutating func addKeys(_ other: Org) async throws {
        func partner(_ scopes: Set<Scope>, _ org: UUID?, _ id: String = "partner-1") -> CredentialStore.New {
            .init(name: "p", scopes: scopes, partnerID: id, orgID: org, createdBy: "test")
        }
        func token(_ scopes: Set<Scope>, _ org: UUID) -> CredentialStore.New {
            .init(name: "t", scopes: scopes, orgID: org, createdBy: "test")
        }
        for (kind, make) in [
            (CredentialKind.partner, { partner($0, $1) }), (.org, { token($0, $1) }),
        ] as [(CredentialKind, (Set<Scope>, UUID) -> CredentialStore.New)] {
            try await addKey(kind, "all scopes", make(Self.all, org.id), .key(Self.all, reaches: true))
            for scope in Scope.allCases {
                let rest = Self.all.subtracting([scope])
                try await addKey(
                    kind, "without \(scope.rawValue)", make(rest, org.id), .key(rest, reaches: true))
            }
            try await addKey(kind, "other org", make(Self.all, other.id), .key(Self.all, reaches: false))
            try await addKey(kind, "expired", make(Self.all, org.id), .expired(kind), .expired)
            try await addKey(kind, "revoked", make(Self.all, org.id), .nobody, .revoked)
        }
        try await addKey(.partner, "its partner's", partner(Self.all, nil), .key(Self.all, reaches: true))
        try await addKey(
            .partner, "another partner's", partner(Self.all, nil, "partner-2"), .key(Self.all, reaches: false)
        )
    }

    private mutating func addKey(
        _ kind: CredentialKind, _ name: String, _ new: CredentialStore.New, _ standing: Presenter.Standing,
        _ end: End = .none
    ) async throws {
        let token = try await issue(kind, new, end)
        add("\(kind.rawValue) \(name)", [Presenter.bearer(token)], standing)
    }

    private enum End { case none, expired, revoked }

    private func issue(
        _ kind: CredentialKind, _ new: CredentialStore.New, _ end: End = .none
    ) async throws -> String {
        let token = CredentialToken.random(kind)
        let database = service.platform.database
        let credential = try await CredentialStore(database: database).insert(new, token)
        switch end {
        case .none: break
        case .expired:
            try await database.execute(
                "UPDATE credentials SET expires_at = now() - interval '1 s' WHERE id = \(credential.id)")
        case .revoked:
            try await database.execute(
                "UPDATE credentials SET revoked_at = now() WHERE id = \(credential.id)")
        }
        return token.text
    }

    // MARK: Browsers

    private mutating func addSessions() async throws {
        for role in OrgRole.allCases where role != .owner {
            try await service.add(role.rawValue, to: org, as: role)
        }
        for role in OrgRole.allCases {
            let cookie = HTTPField("Cookie", try await service.signIn(role.rawValue).cookie)
            add("session \(role.rawValue)", Self.ownPage + [cookie], .session(role, isOwnPage: true))
            guard role == .owner else { continue }
            add("session without a page", [cookie], .session(role, isOwnPage: false))
            let elsewhere = [
                HTTPField("Origin", "https://evil.example"), HTTPField("Sec-Fetch-Site", "cross-site"),
            ]
            add("session from elsewhere", elsewhere + [cookie], .session(role, isOwnPage: false))
            let value = cookie.value.split(separator: "=").last.map(String.init) ?? ""
            add("cookie as a bearer", [Presenter.bearer(value)], .nobody)
        }
        let stranger = HTTPField("Cookie", try await service.signIn("stranger").cookie)
        add("session stranger", Self.ownPage + [stranger], .session(nil, isOwnPage: true))
        let late = try await service.signIn("late")
        try await service.platform.database.execute(
            "UPDATE sessions SET expires_at = now() - interval '1 s' WHERE user_id = 'late'")
        add("expired session", Self.ownPage + [HTTPField("Cookie", late.cookie)], .nobody)
    }

    // MARK: Tenants

    private mutating func addTenants(_ other: Org) async throws {
        let database = service.platform.database
        let next = TenantSecrets.newAdminToken()
        try await database.execute("UPDATE tenants SET confirmed_at = now(), running_at = now()")
        func secrets(_ org: Org) async throws -> TenantSecrets {
            let tenant = try await TenantStore(database: database).require(org: org.id)
            return try await service.platform.fleet.openSecrets(of: tenant)
        }
        let (mine, others) = (try await secrets(org), try await secrets(other))
        var following = mine
        following.adminToken = next
        let sealed = try await service.platform.fleet.secrets.seal(following)
        _ = try await TenantTokenStore(database: database)
            .propose(org: org.id, token: TokenHash(of: next), sealed: sealed)
        let here = Presenter.org(org.id)
        add("tenant", [Presenter.bearer(mine.adminToken), here], .tenant)
        add("tenant's next token", [Presenter.bearer(next), here], .tenant)
        add("tenant of another org", [Presenter.bearer(others.adminToken), here], .nobody)
        add(
            "tenant that names another", [Presenter.bearer(mine.adminToken), Presenter.org(other.id)], .nobody
        )
        add("tenant without its org", [Presenter.bearer(mine.adminToken)], .nobody)
        add("boot token", [Presenter.bearer(mine.bootToken), here], .launch)
        add("boot token of another", [Presenter.bearer(others.bootToken), here], .nobody)
    }

    // MARK: The same again

    private static let tables = ["users", "sessions", "memberships", "credentials", "orgs", "tenants"]

    private func keep() async throws {
        for table in Self.tables {
            try await service.platform.database.execute(
                "CREATE TABLE \(identifier: "kept_" + table) AS TABLE \(identifier: table)")
        }
    }

    /// What a handler that ran has changed is as it was.
    func restore() async throws {
        try await service.platform.database.transaction { transaction in
            // References are whole again at the end.
            try await transaction.execute("SET LOCAL session_replication_role = replica")
            try await transaction.execute("DELETE FROM redeploys")
            try await transaction.execute("DELETE FROM workflows")
            for table in Self.tables {
                try await transaction.execute("DELETE FROM \(identifier: table)")
                try await transaction.execute(
                    "INSERT INTO \(identifier: table) SELECT * FROM \(identifier: "kept_" + table)")
            }
        }
    }
}
