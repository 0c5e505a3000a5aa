import AdminProtocol
import AuditChain
import Billing
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `.../orgs/:slug/credits` and `/cp/orgs/:slug/overage-cap`
struct CreditRoutes: Sendable {
    let platform: Platform

    // MARK: Looking

    /// `GET /cp/orgs/:slug/credits?month=`
    func showOwn(_ request: Request, _ context: AppContext) async throws -> Response {
        try await show(try context.org(), request)
    }

    /// `GET /cp/admin/orgs/:slug/credits?month=`
    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        try await show(try await operated(context), request)
    }

    private func show(_ org: Org, _ request: Request) async throws -> Response {
        let month = try Self.month(request.uri.queryParameters["month"].map(String.init))
        return try Response.json(try await view(of: org.id, in: month))
    }

    private func view(of org: UUID, in month: Month) async throws -> CreditView {
        try await platform.database.transaction(.repeatableRead) { transaction in
            let reading = CreditReading(database: transaction, rules: platform.billing.creditRules)
            return try await CreditView(try await reading.account(of: org, in: month), transaction)
        }
    }

    /// The present one where none is given.
    static func month(_ text: String?) throws -> Month {
        guard let text else { return Month(containing: Date()) }
        guard text.utf8.count == 7, let month = Month(text), month <= Month(containing: Date()) else {
            throw AppError.invalidField("month", "A month that has begun, as 2026-11.")
        }
        return month
    }

    private func operated(_ context: AppContext) async throws -> Org {
        try await OrgStore(database: platform.database).require(slug: context.slug())
    }

    // MARK: By hand

    struct Adjustment: RequestFields {
        var credits: Int
        var key: String
        var note: String?
        var month: String?

        enum CodingKeys: String, CodingKey, CaseIterable { case credits, key, note, month }
    }

    /// Credits of one adjustment.
    static let adjustments = -1_000_000_000...1_000_000_000
    static let maximumKeyLength = 80
    static let maximumNoteLength = 200

    /// `POST /cp/admin/orgs/:slug/credits`: given, or taken back, once for each key.
    func adjust(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await operated(context)
        let order = try await RequestBody.read(Adjustment.self, from: request)
        guard Self.adjustments.contains(order.credits), order.credits != 0 else {
            let range = Self.adjustments
            throw AppError.invalidField(
                "credits", "The field \"credits\" is \(range.lowerBound) to \(range.upperBound), and not 0.")
        }
        let key = try OrgRoutes.bounded(order.key, "key", Self.maximumKeyLength)
        let note = try order.note.map { try OrgRoutes.bounded($0, "note", Self.maximumNoteLength) }
        let month = try Self.month(order.month)
        let isNew = try await platform.database.transaction { transaction in
            let ledger = CreditLedger(database: transaction, rules: platform.billing.creditRules)
            guard
                try await ledger.adjust(
                    org: org.id, month: month, credits: order.credits, key: key, note: note)
            else { return false }
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "credits.adjusted", org: org.id, subject: org.slug,
                    after: [
                        "month": .string(month.text), "credits": .integer(order.credits),
                        "key": .string(key), "note": .text(note),
                    ]),
                by: context.origin)
            return true
        }
        return try Response.json(
            try await view(of: org.id, in: month), status: isNew ? .created : .ok)
    }

    struct Cap: RequestFields {
        /// nil for null.
        var credits: Int?

        enum CodingKeys: String, CodingKey, CaseIterable { case credits }

        /// It has to be there: what takes a cap away is not left out by mistake.
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            guard container.contains(.credits) else {
                throw DecodingError.keyNotFound(
                    CodingKeys.credits, .init(codingPath: [], debugDescription: "missing"))
            }
            credits = try container.decodeIfPresent(Int.self, forKey: .credits)
        }
    }

    /// `PATCH /cp/orgs/:slug/overage-cap`, for this month and those that follow; null: what the platform's
    /// configuration says.
    func setCap(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try context.org()
        let cap = try await RequestBody.read(Cap.self, from: request).credits
        guard (0...CreditRules.maximumCap).contains(cap ?? 0) else {
            throw AppError.invalidField(
                "credits", "The field \"credits\" is 0 to \(CreditRules.maximumCap), or null.")
        }
        let month = Month(containing: Date())
        try await platform.database.transaction { transaction in
            let ledger = CreditLedger(database: transaction, rules: platform.billing.creditRules)
            try await ledger.lock(org.id)
            let before = try await CreditReading(database: transaction, rules: platform.billing.creditRules)
                .account(of: org.id, in: month).ownCap
            guard before != cap else { return }
            try await ledger.setCap(org: org.id, cap, month: month)
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "org.overage_cap_changed", org: org.id, subject: org.slug,
                    before: ["credits": .number(before)], after: ["credits": .number(cap)]),
                by: context.origin)
        }
        return try Response.json(try await view(of: org.id, in: month))
    }
}
