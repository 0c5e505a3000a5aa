import AdminProtocol
import Fleet
import FoundationEssentials
import Hummingbird
import TenantProtocol

extension BootEvent: RequestFields {}
extension EnrolmentRequest: RequestFields {}
extension ReEnrolmentRequest: RequestFields {}

/// What an instance may say before it has the tenant's credentials: boot events, and its enrolment.
struct BootRoutes: Sendable {
    let platform: Platform

    // MARK: Boot events

    struct Batch: RequestFields {
        var events: [BootEvent]
        enum CodingKeys: String, CodingKey, CaseIterable { case events }
    }

    /// Accepts reports also while RunInstances has not returned: the credential is older than the instance.
    func report(_ request: Request, _ context: AppContext) async throws -> Response {
        let credential = try TenantCredential(request)
        let events = try await read(request)
        let presented = try events.map { event in
            try validate(event)
            return PresentedBootEvent(orgID: credential.orgID, token: credential.token, event: event)
        }
        guard try await platform.inbox.submit(presented) else { throw AppError.unauthenticated }
        return Response(status: .noContent)
    }

    private func read(_ request: Request) async throws -> [BootEvent] {
        let buffer = try await request.body.collect(upTo: RequestBody.maximumBytes)
        let data = Data(buffer.readableBytesView)
        guard let batch = try? RequestBody.decode(Batch.self, from: data) else {
            return [try RequestBody.decode(BootEvent.self, from: data)]
        }
        guard (1...BootEvent.maximumBatch).contains(batch.events.count) else {
            throw AppError.invalidField("events", "A batch has 1 to \(BootEvent.maximumBatch) events.")
        }
        return batch.events
    }

    private func validate(_ event: BootEvent) throws {
        func require(_ value: Int?, _ field: String, _ range: ClosedRange<Int>) throws {
            guard let value, !range.contains(value) else { return }
            throw AppError.invalidField(
                field, "The field \"\(field)\" is from \(range.lowerBound) to \(range.upperBound).")
        }
        try require(event.sequence, "sequence", 1...BootEvent.maximumSequence)
        try require(event.durationMilliseconds, "duration_ms", 0...BootEvent.maximumDurationMilliseconds)
        try require(event.exitCode, "exit_code", 0...255)
    }

    // MARK: Enrolment

    /// The document proves that this is an instance of ours; the ledger says which one it has to be.
    func enrol(_ request: Request, _ context: AppContext) async throws -> Response {
        let credential = try TenantCredential(request)
        let body = try await RequestBody.read(EnrolmentRequest.self, from: request)
        let enrolment = Enrolment(fleet: platform.fleet)
        let tenant = try await enrolment.tenant(of: credential)
        let identity = try verified(body.identityPKCS7)
        let grant = try await enrolment.grant(tenant, identity.instanceId, agentVersion: body.agentVersion)
        context.logger.notice(
            "instance enrolled",
            metadata: ["org": "\(tenant.orgID.text)", "instance": "\(identity.instanceId)"])
        return try Response.json(grant)
    }

    /// An adopted instance makes its credentials known again.
    func reEnrol(_ request: Request, _ context: AppContext) async throws -> Response {
        let credential = try TenantCredential(request)
        let adminToken = try BearerToken.text(in: request)
        let body = try await RequestBody.read(ReEnrolmentRequest.self, from: request)
        for (field, key) in [
            ("secrets_encryption_key", body.secretsEncryptionKey),
            ("database_password", body.databasePassword),
        ] where !(1...ReEnrolmentRequest.maximumKeyLength).contains(key.utf8.count) {
            throw AppError.invalidField(field, "The field \"\(field)\" has a wrong length.")
        }
        let identity = try verified(body.identityPKCS7)
        try await Enrolment(fleet: platform.fleet).again(
            credential, adminToken: adminToken, identity.instanceId, body)
        context.logger.notice(
            "instance enrolled again",
            metadata: ["org": "\(credential.orgID.text)", "instance": "\(identity.instanceId)"])
        return Response(status: .noContent)
    }

    private func verified(_ pkcs7: String) throws -> InstanceIdentity {
        guard pkcs7.utf8.count <= EnrolmentRequest.maximumDocumentLength else {
            throw AppError.invalidField("identity_pkcs7", "The identity document is too long.")
        }
        let certificate = platform.configuration.launch.identityCertificate
        guard let identity = try? InstanceIdentity(pkcs7: pkcs7, certificate: certificate) else {
            throw Enrolment.refused("its signature is not the region's")
        }
        guard identity.region == platform.configuration.aws.region else {
            throw Enrolment.refused("it is of another region")
        }
        return identity
    }
}
