import Logging
import Postgres

/// What this process's database role may do with the audit log.
struct AuditPrivileges: Sendable {
    var role: String
    /// Whether it could change or remove what was recorded: the triggers alone stand in its way.
    var isOwner: Bool

    /// A role that may make itself a member of the owner counts as the owner.
    init(_ database: any PostgresExecutor) async throws {
        let row = try await database.query(
            """
            SELECT current_user::text AS role, r.rolsuper OR r.rolcreaterole
                OR pg_has_role(r.oid, n.nspowner, 'MEMBER') AS is_owner
            FROM pg_roles r, pg_namespace n WHERE r.rolname = current_user AND n.nspname = 'audit'
            """)[0]
        role = try row["role"]
        isOwner = try row["is_owner"]
    }

    /// Says at start-up when the log's protection is weaker than it could be.
    static func report(_ database: any PostgresExecutor, to logger: Logger) async {
        do {
            let privileges = try await AuditPrivileges(database)
            guard privileges.isOwner else { return }
            logger.warning(
                """
                the database role may take the audit log's protection away; run the service as a role of its \
                own (controlplane migrate --service-role)
                """,
                metadata: ["role": "\(privileges.role)"])
        } catch {
            logger.warning("the audit log's protection is not known", metadata: ["error": "\(error)"])
        }
    }
}
