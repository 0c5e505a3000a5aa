import FoundationEssentials
import Postgres

/// Another type for a tenant's instance, as it was ordered and what became of it.
package struct Resize: Sendable, Encodable {
    package enum Cause: String, Sendable, Codable, CaseIterable {
        /// The organisation's plan has another type.
        case plan
        /// A person wants it.
        case `operator`
    }

    package enum Phase: String, Sendable, Codable, CaseIterable {
        case waiting, changing
        /// The instance has the type.
        case changed
        /// It did not come up with the type, and has its former one.
        case kept
        /// There was nothing to do after all.
        case unchanged
        /// Neither way worked: a person has to look.
        case failed
        case cancelled
    }

    package var id: UUID
    package var cause: Cause
    var fromType: String
    package var toType: String
    /// Outside of the maintenance window as well.
    package var isAnyTime: Bool
    /// Of one that waits after a failure.
    var notBefore: Date
    package var phase: Phase
    package var failures: Int
    /// Of the last failure.
    var errorCode: String?
    package var error: String?
    package var createdAt: Date
    var begunAt: Date?
    package var finishedAt: Date?

    /// All are there, null where there is nothing.
    enum CodingKeys: String, CodingKey {
        case id, cause, phase, failures, error
        case fromType = "from_type"
        case toType = "to_type"
        case isAnyTime = "any_time"
        case notBefore = "not_before"
        case errorCode = "error_code"
        case createdAt = "created_at"
        case begunAt = "begun_at"
        case finishedAt = "finished_at"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id.text, forKey: .id)
        try container.encode(cause, forKey: .cause)
        try container.encode(fromType, forKey: .fromType)
        try container.encode(toType, forKey: .toType)
        try container.encode(isAnyTime, forKey: .isAnyTime)
        try container.encode(notBefore, forKey: .notBefore)
        try container.encode(phase, forKey: .phase)
        try container.encode(failures, forKey: .failures)
        try container.encode(errorCode, forKey: .errorCode)
        try container.encode(error, forKey: .error)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encode(begunAt, forKey: .begunAt)
        try container.encode(finishedAt, forKey: .finishedAt)
    }
}

extension Resize {
    package static let columns: SQL =
        """
        id, cause, from_type, to_type, any_time, not_before, phase, failures, error_code, error, created_at,
            begun_at, finished_at
        """

    package init(_ row: Row) throws {
        id = try row["id", as: UUID.self]
        cause = try row.decode("cause", as: Cause.self)
        fromType = try row["from_type", as: String.self]
        toType = try row["to_type", as: String.self]
        isAnyTime = try row["any_time", as: Bool.self]
        notBefore = try row["not_before", as: Date.self]
        phase = try row.decode("phase", as: Phase.self)
        failures = try row["failures", as: Int.self]
        errorCode = try row["error_code", as: String?.self]
        error = try row["error", as: String?.self]
        createdAt = try row["created_at", as: Date.self]
        begunAt = try row["begun_at", as: Date?.self]
        finishedAt = try row["finished_at", as: Date?.self]
    }

    /// When it may begin by the window; nil: whenever nothing else is under way.
    package func opening(_ window: MaintenanceWindow, now: Date) -> Date? {
        let earliest = max(now, notBefore)
        let date = isAnyTime ? earliest : window.beginning(from: earliest)
        return date > now ? date : nil
    }
}
