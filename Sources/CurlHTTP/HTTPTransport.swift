/// What carries a request to its server and the answer back: libcurl, or a simulated network.
package protocol HTTPTransport: Sendable {
    /// The whole answer. Cancelling the task gives the request up at once.
    /// - Throws: `HTTPError`
    func send(_ request: HTTPRequest) async throws -> HTTPResponse

    /// Ends it: requests under way fail, later ones are refused.
    func shutdown()
}

extension HTTPClient: HTTPTransport {}
