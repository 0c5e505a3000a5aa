import CurlHTTP
import Foundation

/// The control plane's operator routes.
struct ControlPlaneAPI: Sendable {
    let http: HTTPClient
    let url: String
    let token: String
    /// Whether a refusal is printed as the JSON that it came as.
    let printsJSON: Bool

    /// - Throws: `Failure`, with what the platform said and what to do about it.
    func call(
        _ method: String, _ path: String, body: some Encodable & Sendable = Empty?.none,
        timeout: Duration = .seconds(40)
    ) async throws -> Data {
        var request = request(method, path)
        request.timeout = timeout
        request.maximumResponseBytes = 16 << 20
        let encoded = try JSONEncoder().encode(body)
        if encoded != Data("null".utf8) {
            request.headers.append(HTTPField("Content-Type", "application/json"))
            request.body = Array(encoded)
        }
        let response = try await reaching(request) { try await http.send(request) }
        guard (200..<300).contains(response.status) else { throw refusal(response) }
        return Data(response.body)
    }

    func call<Output: Decodable>(
        _ method: String, _ path: String, body: some Encodable & Sendable = Empty?.none, as: Output.Type
    ) async throws -> Output {
        try decode(Output.self, from: await call(method, path, body: body))
    }

    /// What can be asked again is, for as long as `Patience` allows.
    func ask(_ path: String) async throws -> Data {
        var patience = Patience()
        while true {
            do {
                return try await call("GET", path)
            } catch {
                try patience.bear(error)
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// - Parameter eventID: of the last event that came; the stream goes on behind it.
    func stream(
        _ path: String, after eventID: String? = nil
    ) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        var request = request("GET", path)
        request.headers.append(HTTPField("Accept", "text/event-stream"))
        if let eventID { request.headers.append(HTTPField("Last-Event-ID", eventID)) }
        let (head, body) = try await reaching(request) { try await http.stream(request) }
        guard head.status == 200 else {
            var response = head
            for try await chunk in body where response.body.count < 1 << 20 { response.body += chunk }
            throw refusal(response)
        }
        return body
    }

    struct Empty: Encodable {}

    private func request(_ method: String, _ path: String) -> HTTPRequest {
        HTTPRequest(method, url + path, headers: [HTTPField("Authorization", "Bearer \(token)")])
    }

    private func reaching<T>(_ request: HTTPRequest, _ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch HTTPError.connectionFailed(let why) {
            throw Failure(
                "No control plane answers at \(url) (\(why)). Is it running? Is CP_URL right?",
                isPassing: true)
        } catch HTTPError.tls(let why) {
            throw Failure("\(url) is not trusted (\(why)). Set CP_CA_FILE for a private authority.")
        } catch let error as HTTPError {
            let isInDoubt = request.method != "GET" && error.mayHaveTakenEffect
            let advice = isInDoubt ? " It may have taken effect: check before you try again." : ""
            throw Failure("\(url): \(error).\(advice)", isPassing: error.isPassing)
        }
    }

    private func refusal(_ response: HTTPResponse) -> Failure {
        let isPassing = response.status == 429 || response.status >= 500
        if printsJSON, response.header("Content-Type")?.contains("json") == true {
            return Failure(response.text, isPassing: isPassing)
        }
        guard let problem = try? JSONDecoder().decode(Problem.self, from: Data(response.body)) else {
            return Failure(
                "HTTP \(response.status) without an explanation. Is \(url) a control plane?",
                isPassing: isPassing)
        }
        return Failure(problem.text, isPassing: isPassing)
    }
}

extension HTTPError {
    /// Whether the same again may help in a while.
    var isPassing: Bool {
        switch self {
        case .connectionFailed, .timedOut, .interrupted, .cancelled: true
        case .invalidRequest, .tls, .responseTooLarge, .closed: false
        }
    }
}

func decode<T: Decodable>(_ type: T.Type, from data: Data) throws -> T {
    do {
        return try JSONDecoder().decode(type, from: data)
    } catch {
        throw Failure("The control plane's answer cannot be read; cpctl may be an older version.")
    }
}

/// Prints a JSON document as it came, in one line.
func sayJSON(_ data: Data) {
    let text = String(decoding: data, as: UTF8.self)
    say(text.contains("\n") ? text.split(separator: "\n").joined() : text)
}

func escaped(_ slug: String) -> String {
    slug.addingPercentEncoding(
        withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-._~"))) ?? ""
}
