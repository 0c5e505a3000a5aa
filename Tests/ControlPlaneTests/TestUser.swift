import CurlHTTP
import Foundation
import Postgres

@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// A browser that is signed in, without the way there.
struct TestUser: Sendable {
    let service: TestService
    let id: String
    let token: SessionToken

    /// What a browser sends with a change from a page of the platform.
    static let ownPage = [
        HTTPField("Origin", "https://cp.example"), HTTPField("Sec-Fetch-Site", "same-origin"),
    ]

    func send(
        _ method: String, _ path: String, body: String? = nil, headers: [HTTPField] = ownPage
    ) async throws -> TestService.Answer {
        try await service.send(
            method, path, token: nil, body: body, headers: headers + [HTTPField("Cookie", cookie)])
    }

    /// Name and value.
    var cookie: String { "\(service.platform.configuration.browser.sessions.cookieName)=\(token.text)" }
}

extension TestService {
    func signIn(_ id: String, email: String? = nil, isVerified: Bool = true) async throws -> TestUser {
        let address = email ?? "\(id)@people.example"
        try await UserStore(database: platform.database).signedIn(
            id: id, email: address, isEmailVerified: isVerified)
        let token = SessionToken.generate()
        try await SessionStore(
            database: platform.database, settings: platform.configuration.browser.sessions
        ).insert(id: UUID(), user: id, token: token.hash)
        return TestUser(service: self, id: id, token: token)
    }

    /// A living organisation with this first owner.
    func org(_ slug: String, owner: String) async throws -> Org {
        let org = try await launchedOrg(slug: slug).org
        try await MembershipStore(database: platform.database).addFounder(org: org.id, user: owner)
        return org
    }

    func add(_ user: String, to org: Org, as role: OrgRole) async throws {
        try await UserStore(database: platform.database).mention(user)
        try await platform.database.execute(
            """
            INSERT INTO memberships (org_id, user_id, role) VALUES (\(org.id), \(user), \(role.rawValue))
            """)
    }
}
