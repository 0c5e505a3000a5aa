import CurlHTTP
import Foundation
import Synchronization

/// Clients that ask a tenant through the edge for as long as they are let, each on a connection of its own
/// that it keeps: every other request is a POST. What is not answered by the tenant is a failure.
final class RequestLoad: Sendable {
    struct Counts: Sendable {
        var answered = 0
        var failures: [String] = []
        /// Of the images that answered.
        var digests: Set<String> = []

        var summary: String {
            "\(failures.count) failed of \(answered + failures.count) \(failures.prefix(5))"
        }
    }

    static let clients = 8
    /// Between two requests of one client.
    private static let pause: Duration = .milliseconds(5)

    private let url: String
    private let org: String
    private let configuration: HTTPClient.Configuration
    private let counts = Mutex(Counts())
    private let running = Mutex<[Task<Void, Never>]>([])

    init(stack: LocalStack, slug: String, org: String) throws {
        url = stack.tenantURL(slug) + "/version"
        self.org = org
        var configuration = HTTPClient.Configuration()
        configuration.caFile = stack["CP_CA_FILE"]
        configuration.usesProxyFromEnvironment = false
        self.configuration = configuration
    }

    func start() {
        running.withLock { tasks in
            tasks = (0..<Self.clients).map { number in Task { await self.ask(number) } }
        }
    }

    func stop() async -> Counts {
        for task in running.withLock({ $0 }) {
            task.cancel()
            await task.value
        }
        return counts.withLock { $0 }
    }

    private func ask(_ number: Int) async {
        let http = HTTPClient(configuration: configuration)
        var round = 0
        while !Task.isCancelled {
            round += 1
            await ask(http, isPost: (round + number).isMultiple(of: 2))
            // Now and then a connection is idle for as long as a draining server keeps one; not all at once.
            let rest: Duration = (round + 50 * number).isMultiple(of: 400) ? .seconds(5) : Self.pause
            try? await Task.sleep(for: rest)
        }
        http.shutdown()
    }

    /// Not cancelled with the load: a request that has begun is to be answered.
    private func ask(_ http: HTTPClient, isPost: Bool) async {
        let request = Self.request(url, org, isPost: isPost)
        let result = await Task { try await http.send(request) }.result
        switch result {
        case .success(let response) where response.status == (isPost ? 404 : 200):
            let digest = Answer(response)["image_digest"]
            counts.withLock { counts in
                counts.answered += 1
                if let digest { counts.digests.insert(digest) }
            }
        case .success(let response): fail("\(request.method): \(response.status) \(response.text.prefix(80))")
        case .failure(let error): fail("\(request.method): \(error)")
        }
    }

    private static func request(_ url: String, _ org: String, isPost: Bool) -> HTTPRequest {
        var request = HTTPRequest(isPost ? "POST" : "GET", url)
        request.headers = [HTTPField("X-Molecule-Org-Id", org)]
        if isPost { request.body = Array(#"{"n":1}"#.utf8) }
        return request
    }

    private func fail(_ what: String) { counts.withLock { $0.failures.append(what) } }
}
