import AdminProtocol
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `GET /cp/auth/tenant-member?slug=`: whether the browser's user may enter a tenant.
///
/// Tenants ask with the browser's cookie on the way to every page, and wait for 3 s. So the answer comes
/// from connections that nothing else uses, by statements that end early, and not at all rather than late.
struct TenantMemberRoute: Sendable {
    let platform: Platform

    private struct Answer: Encodable {
        var member: Bool
        var userID: String

        enum CodingKeys: String, CodingKey {
            case member
            case userID = "user_id"
        }
    }

    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        guard let text = request.text("slug") else {
            throw AppError.invalidField("slug", "The parameter \"slug\" is missing.")
        }
        let slug = try Slug(text)
        let isMember = try await platform.quickReads {
            try await MembershipStore(database: $0).isMember(user: user.id, slug: slug)
        }
        return try Response.json(Answer(member: isMember, userID: user.id))
    }
}
