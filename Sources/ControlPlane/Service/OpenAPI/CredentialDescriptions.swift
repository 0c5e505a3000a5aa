import Fleet
import Organisations

/// Keys and tokens: of operators, partners, organisations and tenants.
extension NounDescription {
    static let credentials = NounDescription(
        name: "Keys and tokens",
        meaning:
            "What programs and operators present. A token is in the answer to its creation alone.",
        schemas: [
            "OperatorToken": operatorToken, "PartnerKey": partnerKey, "OrgToken": orgToken,
            "Rotation": rotation,
        ],
        routes: operatorRoutes + partnerRoutes + orgRoutes + rotationRoutes)

    private static let operatorRoutes = [
        RouteDescription(
            "POST /cp/admin/operator-tokens", "Issue an operator's token",
            body: Shape.body(
                ["name": name, "role": Shape.words(of: OperatorRole.self)],
                optional: ["expires_in_days": days]),
            .created("With the token.", issued("OperatorToken", "token"))),
        RouteDescription(
            "GET /cp/admin/operator-tokens", "List the operators' tokens",
            .ok(
                "All, and when the environment's token was used.",
                Shape.record([
                    "operator_tokens": Shape.list(Shape.named("OperatorToken")),
                    "environment_token": ["type": "object"],
                ]))),
        RouteDescription("DELETE /cp/admin/operator-tokens/:id", "Revoke an operator's token", .nothing),
    ]

    private static let partnerRoutes = [
        RouteDescription(
            "POST /cp/admin/partner-keys", "Issue a partner's key",
            detail: "Without `org_id` it reaches what the partner has created.",
            body: Shape.body(
                ["name": name, "partner_id": name, "scopes": scopes],
                optional: [
                    "org_id": Shape.nullable(Shape.id), "expires_in_days": days,
                    "rate_limit": Shape.nullable(Shape.integer(CredentialFields.rateLimits)),
                ]),
            .created("With the key.", issued("PartnerKey", "key"))),
        RouteDescription(
            "GET /cp/admin/partner-keys", "List the partners' keys",
            .ok("All.", Shape.record(["partner_keys": Shape.list(Shape.named("PartnerKey"))]))),
        RouteDescription("DELETE /cp/admin/partner-keys/:id", "Revoke a partner's key", .nothing),
    ]

    private static let orgRoutes = [
        RouteDescription(
            "POST /cp/orgs/:slug/tokens", "Issue a token of the organisation",
            detail: "It carries no scope that its issuer lacks.",
            body: Shape.body(["name": name, "scopes": scopes], optional: ["expires_in_days": days]),
            .created("With the token.", issued("OrgToken", "token")), problems: [409: "`too_many_tokens`"]),
        RouteDescription(
            "GET /cp/orgs/:slug/tokens", "List the organisation's tokens",
            .ok("All.", Shape.record(["tokens": Shape.list(Shape.named("OrgToken"))]))),
        RouteDescription("DELETE /cp/orgs/:slug/tokens/:id", "Revoke a token", .nothing),
    ]

    private static let rotationRoutes = [
        RouteDescription(
            "POST /cp/admin/tenants/:slug/rotate-credentials", "Rotate a tenant's admin token",
            detail: "Both tokens are valid until the tenant runs with the next one.",
            .accepted("The instance is sent for it.", Shape.named("Redeploy")),
            problems: [409: "`not_running`, `not_provisioned`, `redeploy_in_progress`"]),
        RouteDescription(
            "GET /cp/admin/tenants/:slug/credentials", "Where the rotation of the admin token stands",
            .ok("It.", Shape.record(["slug": Shape.slug, "rotation": Shape.named("Rotation")])),
            problems: [409: "`tenant_gone`"]),
        RouteDescription(
            "GET /cp/tenants/credentials", "The admin token that is to follow",
            .ok("It.", Shape.record(["admin_token": Shape.text()])),
            .init(status: 204, meaning: "None is to follow.")),
        RouteDescription(
            "POST /cp/tenants/credentials/confirm", "The tenant runs with the next token",
            detail: "Authenticated by the next token: that ends the old one.", .nothing,
            problems: [409: "`not_the_next`"]),
    ]

    // MARK: Schemas

    private static let name = Shape.text(1...CredentialFields.maximumNameLength)
    private static let days = Shape.nullable(Shape.integer(CredentialFields.expiryDays))
    private static let scopes = Shape.list(Shape.words(of: Scope.self), 1...100)

    private static let common: [String: Schema] = [
        "id": Shape.id, "name": Shape.text(), "status": Shape.words(["active", "expired"]),
        "created_by": Shape.text(), "created_at": Shape.time, "expires_at": Shape.nullable(Shape.time),
        "last_used_at": Shape.nullable(Shape.time),
    ]

    private static let carried: [String: Schema] = [
        "scopes": Shape.list(Shape.words(of: Scope.self)), "org_id": Shape.nullable(Shape.id),
        "rate_limit": Shape.nullable(Shape.integer()),
    ]

    private static let operatorToken = Shape.record(
        common.merging(["role": Shape.words(of: OperatorRole.self), "token_prefix": Shape.text()]) { $1 })
    private static let partnerKey = Shape.record(
        common.merging(carried) { $1 }.merging(["partner_id": Shape.text(), "key_prefix": Shape.text()]) {
            $1
        }
    )
    private static let orgToken = Shape.record(
        common.merging(carried) { $1 }.merging(["token_prefix": Shape.text()]) { $1 })

    private static let rotation = Shape.record(
        ["pending": Shape.boolean],
        optional: ["next_issued_at": Shape.time, "next_used_at": Shape.time, "rotated_at": Shape.time])

    private static func issued(_ schema: String, _ secret: String) -> Schema {
        ["allOf": [Shape.named(schema), Shape.record([secret: Shape.text()])]]
    }
}
