import Digests

/// `/cp/auth` and the terms.
extension NounDescription {
    static let browser = NounDescription(
        name: "Sign-in", meaning: "People with a browser: signing in and out, the terms, invitations.",
        routes: [
            RouteDescription(
                "GET /cp/legal/terms", "The current terms of service",
                .ok(
                    "Their text.",
                    Shape.record(["version": Shape.text(), "sha256": Shape.text(), "text": Shape.text()]))),
            RouteDescription(
                "GET /cp/auth/login", "Begin to sign in", query: [returnTo],
                .redirect("To the identity provider.")),
            RouteDescription(
                "GET /cp/auth/signup", "Begin to sign up", query: [returnTo],
                .redirect("To the identity provider.")),
            RouteDescription(
                "GET \(SignInRoutes.callbackPath)", "What the identity provider sends the browser back to",
                query: ["code", "state", "error", "error_description", "iss"].map {
                    .init(name: $0, schema: Shape.text(), meaning: "As OpenID Connect says.")
                }, .redirect("Signed in: to where it began.")),
            RouteDescription(
                "GET /cp/auth/logout", "Sign out by a link", query: [returnTo],
                .redirect("Signed out: to `return_to`.")),
            RouteDescription("POST /cp/auth/logout", "Sign out", .nothing),
            RouteDescription("POST /cp/auth/logout-everywhere", "Sign out of every browser", .nothing),
            RouteDescription(
                "GET /cp/auth/me", "Who is signed in",
                detail: "401 is the sign of being signed out.",
                .ok(
                    "The user, and an organisation of theirs.",
                    Shape.record([
                        "user_id": Shape.text(), "org_id": Shape.nullable(Shape.id),
                        "email": Shape.nullable(Shape.text()),
                    ]))),
            RouteDescription(
                "GET /cp/auth/tenant-member", "Whether the user may enter a tenant",
                query: [.init(name: "slug", schema: Shape.slug, meaning: "Of the organisation. Required.")],
                .ok("Always within 3 s.", Shape.record(["member": Shape.boolean, "user_id": Shape.text()])),
                problems: [503: "`database_busy`"]),
            RouteDescription(
                "GET /cp/auth/terms-status", "Whether the current terms are accepted",
                .ok("Whether.", terms)),
            RouteDescription(
                "POST /cp/auth/accept-terms", "Accept the current terms",
                body: Shape.body([:], optional: ["version": Shape.nullable(Shape.text())]),
                isBodyOptional: true, .ok("They are.", terms), problems: [409: "`terms_changed`"]),
            RouteDescription(
                "POST /cp/auth/accept-invitation", "Join an organisation by an invitation",
                body: Shape.body(["token": Shape.text()]),
                .ok(
                    "Joined.",
                    Shape.record(["org_id": Shape.id, "slug": Shape.slug, "role": MemberShape.role])),
                problems: [
                    403: "`other_address`", 404: "`invitation_not_found`", 409: "`too_many_members`",
                ]),
        ])

    private static let terms = Shape.record(["accepted": Shape.boolean, "version": Shape.text()])
    private static let returnTo = RouteDescription.Parameter(
        name: "return_to", schema: Shape.text(),
        meaning: "Where the browser goes afterwards: a page of the platform.")
}
