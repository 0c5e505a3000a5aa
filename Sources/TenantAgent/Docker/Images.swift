import FoundationEssentials
import TenantProtocol

extension DockerEngine {
    /// Fetches the image unless it is there. A registry that is away is asked again until the deadline;
    /// an image that it does not have is not. What arrived has the digest that was asked for.
    func pull(
        _ image: ImageReference, _ access: RegistryAccess, deadline: ContinuousClock.Instant
    ) async throws {
        var backoff = Backoff(from: .milliseconds(500), upTo: .seconds(15))
        while true {
            if try await self.image("\(image)") != nil { return }
            do {
                return try await pullOnce(image, access)
            } catch let failure as StageFailure where failure.code == .pullFailed {
                let pause = backoff.next()
                guard ContinuousClock.now + pause < deadline else { throw failure }
                log("\(failure), asking again")
                try await Task.sleep(for: pause)
            }
        }
    }

    /// Progress comes as JSON objects, one a line, under status 200; so does a failure on the way.
    private func pullOnce(_ image: ImageReference, _ access: RegistryAccess) async throws {
        struct Progress: Decodable {
            var error: String?
            var message: String?
        }
        var last: [UInt8] = []
        do {
            let (head, body) = try await stream(
                "/images/create?fromImage=\(image.repository)&tag=\(image.pullTag)",
                headers: try await access.header(for: image))
            for try await chunk in body { last = (last + chunk).suffix(64 << 10) }
            let lines = last.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            let answers = lines.compactMap { try? JSONDecoder().decode(Progress.self, from: Data($0)) }
            if let reason = answers.compactMap(\.error).last { throw failure(image, reason) }
            if !head.isSuccess {
                let reason = answers.compactMap(\.message).last ?? "status \(head.status)"
                throw failure(image, reason, isMissing: head.status == 404)
            }
        } catch let failure as StageFailure {
            throw failure
        } catch {
            throw StageFailure(.pullFailed, "\(image): \(error)")
        }
        try await checkArrival(image)
    }

    private func checkArrival(_ image: ImageReference) async throws {
        guard let facts = try await self.image("\(image)") else {
            throw StageFailure(.pullFailed, "\(image) did not arrive")
        }
        guard let digest = image.digest else { return }
        guard (facts.digests ?? []).contains("\(image.repository)@\(digest)") else {
            throw StageFailure(.checksumMismatch, "\(image): what arrived has another digest")
        }
    }

    private func failure(
        _ image: ImageReference, _ reason: String, isMissing: Bool = false
    ) -> StageFailure {
        let words = ["manifest unknown", "not found", "repository does not exist", "name unknown"]
        let code: FailureCode =
            if isMissing || words.contains(where: { reason.contains($0) }) {
                .imageNotFound
            } else if reason.contains("no space left") {
                .diskFull
            } else {
                .pullFailed
            }
        return StageFailure(code, "\(image): \(reason)")
    }

    /// Whether the registry has the image, as the daemon finds when it asks for it.
    func isInRegistry(_ image: ImageReference, _ access: RegistryAccess) async throws -> Bool {
        let response = try await send(
            "GET", "/distribution/\(image)/json", headers: try await access.header(for: image))
        if response.isSuccess { return true }
        let text = response.text
        if response.status == 404 || text.contains("manifest unknown") || text.contains("not found") {
            return false
        }
        throw StageFailure(.pullFailed, "\(image): the registry's answer: \(response.status)")
    }
}
