import FoundationEssentials
import TenantProtocol

extension DockerEngine {
    func hasImage(_ image: ImageReference) async throws -> Bool {
        let response = try await send("GET", "/images/\(image)/json")
        if response.status == 404 { return false }
        try checked(response, "inspect \(image)")
        return true
    }

    /// Fetches the image unless it is there. A registry that is away is asked again until the deadline;
    /// an image that it does not have is not.
    func pull(_ image: ImageReference, deadline: ContinuousClock.Instant) async throws {
        var backoff = Backoff(from: .milliseconds(500), upTo: .seconds(15))
        while true {
            if try await hasImage(image) { return }
            do {
                return try await pullOnce(image)
            } catch let failure as StageFailure where failure.code == .pullFailed {
                let pause = backoff.next()
                guard ContinuousClock.now + pause < deadline else { throw failure }
                log("\(failure), asking again")
                try await Task.sleep(for: pause)
            }
        }
    }

    /// Progress comes as JSON objects, one a line, under status 200; so does a failure on the way.
    private func pullOnce(_ image: ImageReference) async throws {
        struct Progress: Decodable {
            var error: String?
            var message: String?
        }
        var last: [UInt8] = []
        do {
            let (head, body) = try await stream(
                "/images/create?fromImage=\(image.repository)&tag=\(image.pullTag)")
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
        guard try await hasImage(image) else { throw StageFailure(.pullFailed, "\(image) did not arrive") }
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

    /// The digest under which an image that is named by its tag was fetched; nil for one that never was.
    func repositoryDigest(_ image: String) async throws -> String? {
        struct Image: Decodable {
            var digests: [String]?

            enum CodingKeys: String, CodingKey { case digests = "RepoDigests" }
        }
        let response = try await send("GET", "/images/\(image)/json")
        guard response.isSuccess else { return nil }
        return try decoded(Image.self, response).digests?.first.flatMap { ImageReference($0)?.digest }
    }

    /// Removes the repository's images that are not among `kept`; one that is in use stays.
    func prune(_ repository: String, keeping kept: [String]) async {
        struct Image: Decodable {
            var digests: [String]?

            enum CodingKeys: String, CodingKey { case digests = "RepoDigests" }
        }
        guard let response = try? await send("GET", "/images/json"), response.isSuccess,
            let images = try? decoded([Image].self, response)
        else { return }
        for reference in images.flatMap({ $0.digests ?? [] })
        where reference.hasPrefix("\(repository)@") && !kept.contains(reference) {
            _ = try? await send("DELETE", "/images/\(reference)")
        }
    }
}
