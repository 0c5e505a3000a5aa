import AdminProtocol
import CZlib

/// Bodies that were sent with `Content-Encoding: gzip`.
package enum GzipBody {
    /// Unfolds one gzip stream, and never holds more than `limit` bytes of it: a small body that would unfold
    /// to gigabytes is refused when it passes the limit.
    package static func unfold(_ bytes: UnsafeRawBufferPointer, limit: Int) throws -> [UInt8] {
        var stream = z_stream()
        guard cp_inflate_gzip_init(&stream) == Z_OK else {
            throw AppError(.internalError, "internal", "zlib did not start.")
        }
        defer { inflateEnd(&stream) }
        // zlib only reads what it is given here.
        stream.next_in = UnsafeMutablePointer(
            mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(bytes.count)
        var unfolded = [UInt8](repeating: 0, count: min(limit, max(4_096, bytes.count * 8)))
        var length = 0
        while true {
            let status = unfolded.withUnsafeMutableBufferPointer { space in
                stream.next_out = space.baseAddress! + length
                stream.avail_out = UInt32(space.count - length)
                defer { length = space.count - Int(stream.avail_out) }
                return inflate(&stream, Z_NO_FLUSH)
            }
            if status == Z_STREAM_END, stream.avail_in == 0 { break }
            guard status == Z_OK || status == Z_BUF_ERROR, stream.avail_out == 0 else {
                throw AppError(.invalid, "invalid_gzip", "The body is not one whole gzip stream.")
            }
            guard unfolded.count < limit else { throw tooLarge(limit) }
            unfolded += [UInt8](repeating: 0, count: min(limit - unfolded.count, unfolded.count))
        }
        return Array(unfolded.prefix(length))
    }

    private static func tooLarge(_ limit: Int) -> AppError {
        AppError(
            .tooLarge, "body_too_large", "The body is larger than \(limit) bytes when it is unfolded.",
            members: ["limit": "\(limit)"])
    }
}
