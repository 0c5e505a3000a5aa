import CurlHTTP
import DurableFiles
import FoundationEssentials
import TenantProtocol

/// How an instance gets its secrets: it shows the boot token and the identity document that AWS signed,
/// writes the answer to the disk, and only then confirms. Each step can be lost and done again.
struct Enrolment: Sendable {
    let installation: Installation
    let platform: PlatformClient
    let metadata: InstanceMetadata
    /// For all of it; the platform may need a while to record the instance.
    var deadline: Duration = .seconds(900)

    func run() async throws -> EnrolmentGrant {
        let end = ContinuousClock.now + deadline
        let secrets: EnrolmentGrant
        if let known = try installation.secrets() {
            secrets = known
        } else {
            secrets = try await ask(until: end)
            try installation.write(secrets)
        }
        if !Files.exists(installation.enrolledPath) {
            try await confirm(secrets, until: end)
            try Files.replace(installation.enrolledPath, with: [])
            // It opens nothing any more.
            try Files.remove(installation.bootTokenPath)
        }
        return secrets
    }

    private func ask(until end: ContinuousClock.Instant) async throws -> EnrolmentGrant {
        guard let bootToken = try installation.bootToken() else {
            throw StageFailure(.invalidDeclaration, "\(installation.bootTokenPath) is missing")
        }
        let response = try await retrying("enrolment", until: end) {
            let request = EnrolmentRequest(
                identityPKCS7: try await metadata.signedIdentity(), agentVersion: agentVersion)
            return try await platform.enrol(request, bootToken: bootToken)
        }
        guard response.isSuccess else {
            throw StageFailure(.enrolmentRefused, "the platform answers \(response.status)")
        }
        do {
            return try JSONDecoder().decode(EnrolmentGrant.self, from: Data(response.body))
        } catch {
            throw StageFailure(.internalError, "the platform's grant cannot be read")
        }
    }

    private func confirm(_ secrets: EnrolmentGrant, until end: ContinuousClock.Instant) async throws {
        let response = try await retrying("confirmation", until: end) {
            try await platform.confirmEnrolment(adminToken: secrets.adminToken)
        }
        // 409: an earlier confirmation arrived and its answer was lost.
        guard response.isSuccess || response.status == 409 else {
            throw StageFailure(.enrolmentRefused, "the platform answers \(response.status)")
        }
    }

    /// Asks until there is an answer that asking again would not change.
    private func retrying(
        _ what: String, until end: ContinuousClock.Instant, _ attempt: () async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        var backoff = Backoff(from: .seconds(1), upTo: .seconds(20))
        while true {
            var pause = backoff.next()
            do {
                let response = try await attempt()
                guard response.isTransientRefusal else { return response }
                log("\(what): the platform answers \(response.status), asking again")
                pause = response.retryAfter ?? pause
            } catch let error where !(error is CancellationError) {
                log("\(what): \(error), asking again")
            }
            guard ContinuousClock.now + pause < end else {
                throw StageFailure(.platformUnreachable, "\(what) got no answer in time")
            }
            try await Task.sleep(for: pause)
        }
    }
}
