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
        let response = try await reaching { try await http.send(request) }
        guard (200..<300).contains(response.status) else { throw refusal(response) }
        return Data(response.body)
    }

    func call<Output: Decodable>(
        _ method: String, _ path: String, body: some Encodable & Sendable = Empty?.none, as: Output.Type
    ) async throws -> Output {
        try decode(Output.self, from: await call(method, path, body: body))
    }

    func stream(_ path: String) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        var request = request("GET", path)
        request.headers.append(HTTPField("Accept", "text/event-stream"))
        let (head, body) = try await reaching { try await http.stream(request) }
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

    private func reaching<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch HTTPError.connectionFailed(let why) {
            throw Failure("No control plane answers at \(url) (\(why)). Is it running? Is CP_URL right?")
        } catch HTTPError.tls(let why) {
            throw Failure("\(url) is not trusted (\(why)). A private authority is named by CP_CA_FILE.")
        } catch let error as HTTPError {
            throw Failure("\(url): \(error)")
        }
    }

    private func refusal(_ response: HTTPResponse) -> Failure {
        if printsJSON, response.header("Content-Type")?.contains("json") == true {
            return Failure(response.text)
        }
        guard let problem = try? JSONDecoder().decode(Problem.self, from: Data(response.body)) else {
            return Failure("HTTP \(response.status) without an explanation. Is \(url) a control plane?")
        }
        return Failure(problem.text)
    }
}

/// RFC 9457, as the control plane fills it in.
struct Problem: Decodable {
    var status: Int
    var title: String?
    var detail: String?
    var code: String?
    var requestID: String?

    enum CodingKeys: String, CodingKey {
        case status, title, detail, code
        case requestID = "request_id"
    }

    var text: String {
        let names = [code, "HTTP \(status)", requestID.map { "request \($0)" }].compactMap { $0 }
        let what = "\(detail ?? title ?? "The control plane refused.") (\(names.joined(separator: ", ")))"
        return advice.map { "\(what)\n\($0)" } ?? what
    }

    /// What to do, where that is not plain from the detail.
    private var advice: String? {
        switch (code, status) {
        case (_, 401): "Check CP_ADMIN_API_TOKEN: it is another control plane's, or an old one."
        case ("redeploy_in_progress", _): "Wait for it to end, then try again."
        case ("org_not_found", _): "`cpctl orgs list` shows those that exist."
        case ("not_running", _): "`cpctl boot SLUG` shows where it stands."
        case (_, 429), (_, 503): "Try again in some seconds."
        case (_, 500...): "The control plane's log has more under this request id."
        default: nil
        }
    }
}

func decode<T: Decodable>(_ type: T.Type, from data: Data) throws -> T {
    do {
        return try JSONDecoder().decode(type, from: data)
    } catch {
        throw Failure("The control plane's answer is not understood; cpctl may be older than it.")
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
