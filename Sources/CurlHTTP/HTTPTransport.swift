/// What carries a request to its server and the answer back: libcurl, or a simulated network.
package protocol HTTPTransport: Sendable {
    /// The whole answer. Cancelling the task gives the request up at once.
    /// - Throws: `HTTPError`
    func send(_ request: HTTPRequest) async throws -> HTTPResponse

    /// All of them at once.
    /// - Returns: one for each, in their order; nil where no answer came.
    func answers(to requests: [HTTPRequest]) async -> [HTTPResponse?]

    /// Ends it: requests under way fail, later ones are refused.
    func shutdown()
}

extension HTTPClient: HTTPTransport {
    package func answers(to requests: [HTTPRequest]) async -> [HTTPResponse?] {
        await withTaskGroup(of: (Int, HTTPResponse?).self) { group in
            for (index, request) in requests.enumerated() {
                group.addTask { (index, try? await self.send(request)) }
            }
            var answers = [HTTPResponse?](repeating: nil, count: requests.count)
            for await (index, answer) in group { answers[index] = answer }
            return answers
        }
    }
}
