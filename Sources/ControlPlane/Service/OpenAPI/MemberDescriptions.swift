import Organisations

/// What a member is.
enum MemberShape {
    static let role = Shape.words(of: OrgRole.self)
}

/// `/cp/orgs/:slug/members` and `invitations`
extension NounDescription {
    static let members = NounDescription(
        name: "Members", meaning: "Who belongs to an organisation, and who is invited.",
        schemas: ["Invitation": invitation],
        routes: [
            RouteDescription(
                "GET /cp/orgs/:slug/members", "List the members",
                .ok(
                    "All.",
                    Shape.record([
                        "members": Shape.list(
                            Shape.record(
                                [
                                    "user_id": Shape.text(), "role": MemberShape.role,
                                    "created_at": Shape.time,
                                ], optional: ["email": Shape.nullable(Shape.text())]))
                    ]))),
            RouteDescription(
                "PATCH /cp/orgs/:slug/members/:user", "Give a member another role",
                body: Shape.body(["role": MemberShape.role]),
                .ok("Done.", Shape.record(["user_id": Shape.text(), "role": MemberShape.role])),
                problems: [409: "An organisation has an owner, always."]),
            RouteDescription(
                "DELETE /cp/orgs/:slug/members/:user", "Remove a member", .nothing,
                problems: [409: "An organisation has an owner, always."]),
            RouteDescription(
                "POST /cp/orgs/:slug/leave", "Leave an organisation", .nothing,
                problems: [409: "An organisation has an owner, always."]),
            RouteDescription(
                "GET /cp/orgs/:slug/invitations", "List the open invitations",
                .ok("All.", Shape.record(["invitations": Shape.list(Shape.named("Invitation"))]))),
            RouteDescription(
                "POST /cp/orgs/:slug/invitations", "Invite somebody",
                detail: "The link is in this answer and nowhere else.",
                body: Shape.body(["email": Shape.text(), "role": MemberShape.role]),
                .created(
                    "The link.",
                    [
                        "allOf": [
                            Shape.named("Invitation"),
                            Shape.record(["token": Shape.text(), "url": Shape.text()]),
                        ]
                    ]), problems: [409: "`too_many_invitations`"]),
            RouteDescription(
                "DELETE /cp/orgs/:slug/invitations/:id", "Revoke an invitation", .nothing),
        ])

    private static let invitation = Shape.record([
        "id": Shape.id, "email": Shape.text(), "role": MemberShape.role, "invited_by": Shape.text(),
        "created_at": Shape.time, "expires_at": Shape.time,
    ])
}
