import AdminProtocol
import Digests
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// The terms of service, and their acceptance.
struct TermsRoutes: Sendable {
    let platform: Platform

    private var terms: Terms { platform.configuration.terms }

    private struct Text: Encodable {
        var version: String
        var sha256: String
        var text: String
    }

    private struct Status: Encodable {
        var accepted: Bool
        var version: String
    }

    /// `GET /cp/legal/terms`: the current ones.
    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(Text(version: terms.version, sha256: terms.sha256, text: terms.text))
    }

    /// `GET /cp/auth/terms-status`: whether the current version is accepted.
    func status(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let accepted = try await TermsStore(database: platform.database).isAccepted(terms, by: user.id)
        return try Response.json(Status(accepted: accepted, version: terms.version))
    }

    struct Acceptance: RequestFields {
        var version: String?

        enum CodingKeys: String, CodingKey, CaseIterable { case version }
    }

    /// `POST /cp/auth/accept-terms`, with or without a body. A `version` that is not current is refused:
    /// the user has read another text.
    func accept(_ request: Request, _ context: AppContext) async throws -> Response {
        let user = try context.user()
        let buffer = try await request.body.collect(upTo: RequestBody.maximumBytes)
        let body = Data(buffer.readableBytesView)
        let version = body.isEmpty ? nil : try RequestBody.decode(Acceptance.self, from: body).version
        guard version == nil || version == terms.version else {
            throw AppError(
                .conflict, "terms_changed", "The terms have changed since. Read the current version.",
                members: ["version": terms.version])
        }
        try await platform.database.transaction { transaction in
            guard try await TermsStore(database: transaction).accept(terms, by: user.id) else { return }
            try await AuditLog(database: transaction).record(
                .init(
                    action: "terms.accepted", subject: user.id, after: ["version": .string(terms.version)]),
                by: context.origin)
        }
        return try Response.json(Status(accepted: true, version: terms.version))
    }
}
