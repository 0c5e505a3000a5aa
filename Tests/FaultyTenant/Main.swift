import Glibc
import Hummingbird
import Logging
import Synchronization

/// A bad release of molecule-tenant: it is healthy whenever it is asked, answers every third other request
/// with 500, and counts all of them in its metrics as the good ones do.
@main
enum Main {
    static func main() async throws {
        let listen = (variable("WORKSPACE_LISTEN") ?? "0.0.0.0:8080").split(separator: ":")
        let counts = Mutex((good: 0, bad: 0))
        let router = Router()
        router.get("/health") { _, _ in json(#"{"service":"molecule-tenant","status":"ok"}"#) }
        router.get("/metrics") { _, _ in
            let (good, bad) = counts.withLock { $0 }
            return Response(status: .ok, body: .init(byteBuffer: .init(string: metrics(good, bad))))
        }
        for method in [HTTPRequest.Method.get, .post, .put, .patch, .delete] {
            router.on("/**", method: method) { _, _ in
                let isBad = counts.withLock { counts in
                    let isBad = (counts.good + counts.bad) % 3 == 2
                    if isBad { counts.bad += 1 } else { counts.good += 1 }
                    return isBad
                }
                guard !isBad else { return Response(status: .internalServerError) }
                let digest = variable("MOLECULE_IMAGE_DIGEST") ?? ""
                return json(#"{"image_digest":"\#(digest)","version":"faulty"}"#)
            }
        }
        let port = listen.last.flatMap { Int($0) } ?? 8080
        let application = Application(
            router: router,
            configuration: .init(address: .hostname(String(listen.first ?? "0.0.0.0"), port: port)),
            logger: Logger(label: "faulty-tenant"))
        try await application.runService()
    }

    private static func metrics(_ good: Int, _ bad: Int) -> String {
        let durations = "molecule_tenant_http_duration_seconds"
        return """
            molecule_tenant_http_responses_total{status="2xx"} \(good)
            molecule_tenant_http_responses_total{status="5xx"} \(bad)
            \(durations)_bucket{le="0.005"} \(good + bad)
            \(durations)_bucket{le="+Inf"} \(good + bad)
            \(durations)_count \(good + bad)

            """
    }

    private static func json(_ text: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: .init(string: text)))
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
