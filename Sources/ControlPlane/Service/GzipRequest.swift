import AdminProtocol
import Billing
import HTTPTypes
import Hummingbird

/// A request's body that may have been sent with `Content-Encoding: gzip`.
extension GzipBody {
    /// - Throws: `body_too_large` (413) beyond `limit` bytes, as they were sent or as they unfold;
    ///   `unsupported_encoding` (415) for any other encoding; `invalid_gzip` (400).
    static func read(_ request: Request, limit: Int) async throws -> [UInt8] {
        let encoding = request.headers[.contentEncoding]?.lowercased() ?? "identity"
        guard ["identity", "gzip", "x-gzip"].contains(encoding) else {
            throw AppError(
                .unsupportedMedia, "unsupported_encoding",
                "The body is sent as it is or with Content-Encoding: gzip.")
        }
        let buffer = try await request.body.collect(upTo: limit)
        return try buffer.withUnsafeReadableBytes { bytes in
            encoding == "identity" ? Array(bytes) : try unfold(bytes, limit: limit)
        }
    }
}
