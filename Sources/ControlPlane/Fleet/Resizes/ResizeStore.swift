import AdminProtocol
import FoundationEssentials
import Postgres

/// The rows of `resizes`, and what a tenant's row says of the one that is under way. A tenant has at most one
/// that has not ended.
package struct ResizeStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    /// A new one; or the one that has not ended gets another aim, also while the instance is being changed.
    /// - Returns: false for one that waits already for the same.
    package func order(
        org: UUID, from current: String, to type: String, cause: Resize.Cause, isAnyTime: Bool
    ) async throws -> Bool {
        try await database.execute(
            """
            INSERT INTO resizes (id, org_id, cause, from_type, to_type, any_time)
            VALUES (\(UUID()), \(org), \(cause.rawValue), \(current), \(type), \(isAnyTime))
            ON CONFLICT (org_id) WHERE finished_at IS NULL DO UPDATE SET cause = EXCLUDED.cause,
                to_type = EXCLUDED.to_type, any_time = EXCLUDED.any_time, not_before = now(), failures = 0
            WHERE resizes.to_type <> EXCLUDED.to_type OR resizes.any_time <> EXCLUDED.any_time
            """) == 1
    }

    /// The one that has not ended.
    package func live(org: UUID) async throws -> Resize? {
        let rows = try await database.query(
            "SELECT \(Resize.columns) FROM resizes WHERE org_id = \(org) AND finished_at IS NULL")
        return try rows.first.map(Resize.init)
    }

    /// As `live`, and nobody changes it until the transaction ends.
    func lockLive(org: UUID) async throws -> Resize? {
        let rows = try await database.query(
            """
            SELECT \(Resize.columns) FROM resizes WHERE org_id = \(org) AND finished_at IS NULL FOR UPDATE
            """)
        return try rows.first.map(Resize.init)
    }

    /// The newest, ended or not.
    package func last(org: UUID) async throws -> Resize? {
        let rows = try await database.query(
            """
            SELECT \(Resize.columns) FROM resizes WHERE org_id = \(org) ORDER BY created_at DESC LIMIT 1
            """)
        return try rows.first.map(Resize.init)
    }

    /// - Parameter vcpus: that the tenant counts for meanwhile.
    package func begin(_ resize: Resize, org: UUID, from current: String, vcpus: Int) async throws {
        try await database.execute(
            """
            UPDATE resizes SET phase = 'changing', from_type = \(current),
                begun_at = coalesce(begun_at, now())
            WHERE id = \(resize.id)
            """)
        try await database.execute(
            "UPDATE tenants SET resize_id = \(resize.id), vcpus = \(vcpus) WHERE org_id = \(org)")
    }

    /// The instance runs again, as the type.
    package func settle(org: UUID, type: String) async throws {
        try await database.execute(
            """
            UPDATE tenants SET instance_type = \(type), vcpus = \(InstanceType.vcpus(of: type)),
                resize_id = NULL, resized_at = now()
            WHERE org_id = \(org)
            """)
    }

    /// It waits for another try.
    func putOff(_ resize: Resize, until date: Date?, _ failure: ResizeTenant.Refusal?) async throws {
        try await database.execute(
            """
            UPDATE resizes SET phase = 'waiting', not_before = coalesce(\(date), now()),
                failures = failures + \(failure == nil ? 0 : 1),
                error_code = coalesce(\(failure?.code), error_code),
                error = coalesce(\(failure?.message), error)
            WHERE id = \(resize.id)
            """)
    }

    package func finish(
        _ resize: Resize, _ phase: Resize.Phase, _ failure: ResizeTenant.Refusal? = nil
    ) async throws {
        try await database.execute(
            """
            UPDATE resizes SET phase = \(phase.rawValue), failures = failures + \(failure == nil ? 0 : 1),
                error_code = coalesce(\(failure?.code), error_code),
                error = coalesce(\(failure?.message), error), finished_at = now()
            WHERE id = \(resize.id) AND finished_at IS NULL
            """)
    }

    /// Ends whatever has not ended.
    func abandon(org: UUID, _ phase: Resize.Phase, _ failure: ResizeTenant.Refusal? = nil) async throws {
        try await database.execute(
            "UPDATE tenants SET resize_id = NULL WHERE org_id = \(org) AND resize_id IS NOT NULL")
        if let resize = try await lockLive(org: org) { try await finish(resize, phase, failure) }
    }
}

extension TenantStore {
    /// Until the transaction ends nobody begins a change of the instance's type, or ends one.
    /// - Throws: `resize_in_progress` (409).
    func requireNoResize(org: UUID) async throws {
        let rows = try await database.query(
            "SELECT resize_id FROM tenants WHERE org_id = \(org) FOR NO KEY UPDATE")
        if try rows.first?["resize_id", as: UUID?.self] != nil { throw AppError.resizeInProgress }
    }
}

extension AppError {
    package static let resizeInProgress = AppError(
        .conflict, "resize_in_progress",
        "The tenant's instance is stopped, to get another type. Try again when it runs.")
}
