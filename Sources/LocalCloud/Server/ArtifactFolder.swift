#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Files of one folder, read-only, for instances: the agent's binary. No folders below it, no listing.
struct ArtifactFolder: Sendable {
    let path: String?

    func answer(_ call: HTTPCall) -> HTTPAnswer {
        guard call.method == "GET" || call.method == "HEAD" else { return .text(405, "GET only\n") }
        let name = call.path.dropFirst()
        guard let path, !name.isEmpty, !name.hasPrefix("."), !name.contains("/"), !name.contains("%"),
            let data = FileManager.default.contents(atPath: "\(path)/\(name)")
        else { return .text(404, "no such file\n") }
        return HTTPAnswer(status: 200, contentType: "application/octet-stream", body: Array(data))
    }
}
