import AdminProtocol
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Postgres

/// `/cp/admin/tenants/:slug/instance-type`
struct ResizeRoutes: Sendable {
    let platform: Platform

    private var database: PostgresPool { platform.database }

    /// What a tenant's instance is, what its plan says, and what was ordered last.
    struct View: Encodable {
        var slug: String
        var instanceType: String
        var plan: String
        var planInstanceType: String
        /// Of an order that waits, by the window alone; nil: as soon as nothing else is under way.
        var beginsAt: Date?
        /// Of a dry run: whether the order would do anything.
        var wouldChange: Bool?
        var resize: Resize?

        enum CodingKeys: String, CodingKey {
            case slug, plan, resize
            case instanceType = "instance_type"
            case planInstanceType = "plan_instance_type"
            case beginsAt = "begins_at"
            case wouldChange = "would_change"
        }
    }

    struct Order: RequestFields {
        /// nil: the plan's.
        var instanceType: String?
        /// Outside of the maintenance window as well.
        var now: Bool?
        var dryRun: Bool?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case now
            case instanceType = "instance_type"
            case dryRun = "dry_run"
        }
    }

    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await OrgStore(database: database).require(slug: context.slug())
        return try Response.json(try await view(org, try await launched(org)))
    }

    func order(_ request: Request, _ context: AppContext) async throws -> Response {
        let order = try await RequestBody.read(Order.self, from: request)
        let org = try await OrgStore(database: database).require(slug: context.slug())
        if let type = order.instanceType { try Self.check(type) }
        guard [.running, .suspended].contains(org.status) else {
            throw AppError(
                .conflict, "not_running",
                "Only a running tenant's instance can be changed; this one is \(org.status.rawValue).")
        }
        let (tenant, current) = try await launched(org)
        guard tenant.instanceID != nil else {
            throw AppError(.conflict, "not_running", "The tenant has no instance.")
        }
        let type = order.instanceType ?? Launches(fleet: platform.fleet).instanceType(of: org.plan)
        let isAnyTime = order.now ?? false
        if order.dryRun == true {
            return try Response.json(try await plan(org, (tenant, current), type, isAnyTime))
        }
        let isNew = try await database.transaction { transaction in
            _ = try await OrgStore(database: transaction).lock(id: org.id)
            let isNew = try await Resizes(fleet: platform.fleet).orderResize(
                org: org.id, slug: org.slug, from: current, to: type, cause: .operator,
                isAnyTime: isAnyTime, in: transaction)
            guard isNew else { return false }
            try await AuditLog(database: transaction).record(
                AuditEvent(
                    action: "tenant.resize_ordered", org: org.id, subject: org.slug,
                    before: ["instance_type": .string(current)],
                    after: ["instance_type": .string(type), "any_time": .bool(isAnyTime)]),
                by: context.origin)
            return true
        }
        return try Response.json(
            try await view(org, (tenant, current)), status: isNew ? .accepted : .ok)
    }

    private static func check(_ type: String) throws {
        guard type.wholeMatch(of: #/[a-z][a-z0-9-]{0,31}\.[a-z0-9-]{1,31}/#) != nil else {
            throw AppError.invalidField(
                "instance_type", "The field \"instance_type\" is a family and a size, as t3.medium.")
        }
    }

    private func launched(_ org: Org) async throws -> (tenant: Tenant, type: String) {
        let tenant = try await TenantStore(database: database).require(org: org.id)
        guard let type = tenant.runningType else {
            throw AppError(.conflict, "not_running", "The tenant is not launched yet.")
        }
        return (tenant, type)
    }

    private func view(_ org: Org, _ launched: (tenant: Tenant, type: String)) async throws -> View {
        let resize = try await ResizeStore(database: database).last(org: org.id)
        let isWaiting = resize?.phase == .waiting
        return View(
            slug: org.slug, instanceType: launched.type, plan: org.plan,
            planInstanceType: Launches(fleet: platform.fleet).instanceType(of: org.plan),
            beginsAt: isWaiting
                ? resize?.opening(platform.configuration.maintenanceWindow, now: Date()) : nil,
            resize: resize)
    }

    /// What the order would do.
    private func plan(
        _ org: Org, _ launched: (tenant: Tenant, type: String), _ type: String, _ isAnyTime: Bool
    ) async throws -> View {
        var view = try await view(org, launched)
        let live = view.resize.flatMap { $0.finishedAt == nil ? $0 : nil }
        view.wouldChange =
            live.map { $0.toType != type || $0.isAnyTime != isAnyTime } ?? (type != launched.type)
        let now = Date()
        let opening = platform.configuration.maintenanceWindow.beginning(from: now)
        view.beginsAt = view.wouldChange == true && !isAnyTime && opening > now ? opening : nil
        return view
    }
}
