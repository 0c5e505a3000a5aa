import TenantProtocol

/// `/cp/tenants`
extension NounDescription {
    static let instances = NounDescription(
        name: "Instances and tenants", meaning: "What crosses between the platform and a tenant.",
        schemas: ["BootEvent": bootEvent],
        routes: [
            RouteDescription(
                "POST /cp/tenants/boot-event", "Report stages of a boot",
                body: Shape.either(
                    Shape.named("BootEvent"),
                    Shape.body([
                        "events": Shape.list(Shape.named("BootEvent"), 1...BootEvent.maximumBatch)
                    ])), .nothing),
            RouteDescription(
                "POST /cp/tenants/enroll", "Exchange the boot token for the tenant's secrets, once",
                body: Shape.body([
                    "identity_pkcs7": Shape.text(0...EnrolmentRequest.maximumDocumentLength),
                    "agent_version": Shape.text(),
                ]),
                .ok(
                    "The secrets. Until they are confirmed the same instance gets them again.",
                    Shape.record(
                        Dictionary(
                            uniqueKeysWithValues: [
                                "admin_token", "secrets_encryption_key", "database_password", "shared_secret",
                                "tunnel_token",
                            ].map { ($0, Shape.text()) }))),
                problems: [
                    403: "`enrolment_refused`", 409: "`already_enrolled`",
                    503: "`enrolment_not_ready`: the instance is not recorded yet.",
                ]),
            RouteDescription(
                "POST /cp/tenants/re-enroll", "Make an adopted instance's credentials known again",
                body: Shape.body([
                    "identity_pkcs7": Shape.text(0...EnrolmentRequest.maximumDocumentLength),
                    "agent_version": Shape.text(), "secrets_encryption_key": Shape.text(1...256),
                    "database_password": Shape.text(1...256),
                ]), .nothing, problems: [403: "`enrolment_refused`"]),
            RouteDescription(
                "POST /cp/tenants/enroll/confirm",
                "Say that the secrets are kept: the boot token opens nothing more",
                .nothing),
            RouteDescription(
                "GET /cp/tenants/config", "The tenant's configuration",
                detail: "Applied at start and at every refresh; at most 64 KiB, each value at most 4 KiB.",
                .ok("A flat object of strings, named like variables.", Shape.table(Shape.text()))),
            RouteDescription(
                "GET /cp/tenants/registry-credentials", "What the instance presents to the image registry",
                .ok(
                    "Kept in memory only.",
                    Shape.record(
                        ["registry": Shape.text(), "username": Shape.text(), "password": Shape.text()],
                        optional: ["expires_at": Shape.time])),
                .nothing, problems: [502: "`registry_unavailable`"]),
        ])

    private static let bootEvent = Shape.body(
        [
            "sequence": Shape.integer(1...BootEvent.maximumSequence),
            "stage": Shape.words(of: BootStage.self), "outcome": Shape.words(of: StageOutcome.self),
        ],
        optional: [
            "duration_ms": Shape.nullable(Shape.integer(0...BootEvent.maximumDurationMilliseconds)),
            "code": Shape.nullable(Shape.words(of: FailureCode.self)),
            "exit_code": Shape.nullable(Shape.integer(0...255)),
        ])
}
