import AdminProtocol
import AuditChain
import FoundationEssentials

/// What the bodies that ask for a credential have in common, and its limits.
package enum CredentialFields {
    package static let maximumNameLength = 100
    package static let expiryDays = 1...3_650
    /// Requests a minute of one key.
    package static let rateLimits = 1...100_000
    /// Rows of one list.
    package static let maximumListed = 500

    package static func name(_ text: String, field: String = "name") throws -> String {
        guard !text.isEmpty, text.count <= maximumNameLength,
            !text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 })
        else {
            throw AppError.invalidField(
                field,
                "The field \"\(field)\" has 1 to \(maximumNameLength) characters and no control characters.")
        }
        return text
    }

    package static func expiry(_ days: Int?) throws -> Int? {
        try within(days, expiryDays, "expires_in_days")
    }

    package static func rateLimit(_ perMinute: Int?) throws -> Int? {
        try within(perMinute, rateLimits, "rate_limit")
    }

    private static func within(_ value: Int?, _ range: ClosedRange<Int>, _ field: String) throws -> Int? {
        guard let value else { return nil }
        guard range.contains(value) else {
            throw AppError.invalidField(
                field,
                "The field \"\(field)\" is a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return value
    }

    package static func scopes(_ names: [String]) throws -> Set<Scope> {
        let scopes = names.compactMap(Scope.init)
        guard !names.isEmpty, scopes.count == names.count else {
            let known = Scope.allCases.map(\.rawValue).joined(separator: " ")
            throw AppError.invalidField("scopes", "The field \"scopes\" lists one or more of: \(known).")
        }
        return Set(scopes)
    }
}

extension AppError {
    package static let credentialNotFound = AppError(
        .notFound, "credential_not_found", "There is no such key or token. The list shows those that exist.")
}

extension Credential {
    /// As the audit trail keeps it.
    package var audited: [String: AuditValue] {
        var values: [String: AuditValue] = ["name": .string(name), "prefix": .string(prefix)]
        if let role { values["role"] = .string(role.rawValue) }
        if kind != .operator {
            values["scopes"] = .string(scopes.map(\.rawValue).sorted().joined(separator: " "))
        }
        if let partnerID { values["partner_id"] = .string(partnerID) }
        if let rateLimit { values["rate_limit"] = .string("\(rateLimit)") }
        if let expiresAt { values["expires_at"] = .string(expiresAt.formatted(.iso8601)) }
        return values
    }
}
