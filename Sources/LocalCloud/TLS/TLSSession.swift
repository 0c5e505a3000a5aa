import CSSL
import NIOCore

/// One connection's TLS, over memory: records go in and out as bytes, and whoever holds it moves them.
///
/// Not for two threads at once; libssl's reasons stand in an error queue of the thread that called it.
final class TLSSession {
    enum Outcome {
        case done
        /// Nothing more without more of the peer's records.
        case wantsRecords
        /// The peer sent its close_notify.
        case ended
        case failed(CryptoError)
    }

    /// Kept: the callbacks of its context use what it owns.
    private let server: TLSServer
    private let ssl: OpaquePointer
    /// Both belong to `ssl`.
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer

    init(_ server: TLSServer) throws {
        guard let ssl = SSL_new(server.context) else { throw CryptoError("making a TLS connection") }
        guard let incoming = BIO_new(BIO_s_mem()), let outgoing = BIO_new(BIO_s_mem()) else {
            SSL_free(ssl)
            throw CryptoError("making a buffer for TLS")
        }
        (self.server, self.ssl, self.incoming, self.outgoing) = (server, ssl, incoming, outgoing)
        SSL_set_bio(ssl, incoming, outgoing)
        SSL_set_accept_state(ssl)
    }

    deinit { SSL_free(ssl) }

    /// Takes bytes that the peer sent.
    func take(_ records: ByteBuffer) {
        records.withUnsafeReadableBytes { bytes in
            guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
            BIO_write(incoming, base, Int32(bytes.count))
        }
    }

    /// Bytes for the peer; nil when there are none.
    func records(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
        let count = BIO_ctrl_pending(outgoing)
        guard count > 0 else { return nil }
        var buffer = allocator.buffer(capacity: count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            Int(max(0, BIO_read(outgoing, space.baseAddress, Int32(count))))
        }
        return buffer
    }

    func shakeHands() -> Outcome {
        ERR_clear_error()
        return outcome(SSL_do_handshake(ssl), "a TLS handshake")
    }

    /// Appends all that can be decrypted of what came.
    func read(into plaintext: inout ByteBuffer) -> Outcome {
        plaintext.reserveCapacity(minimumWritableBytes: BIO_ctrl_pending(incoming))
        while true {
            ERR_clear_error()
            var status: Int32 = 0
            let space = max(Int(SSL_pending(ssl)), 1024)
            plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: space) { space in
                var count = 0
                status = SSL_read_ex(ssl, space.baseAddress, space.count, &count)
                return count
            }
            if status != 1 { return outcome(status, "reading from a TLS connection") }
        }
    }

    /// Encrypts all of it: memory takes any number of records.
    func write(_ plaintext: ByteBuffer) throws {
        ERR_clear_error()
        try plaintext.withUnsafeReadableBytes { bytes in
            var count = 0
            guard SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &count) == 1 else {
                throw CryptoError("writing to a TLS connection")
            }
        }
    }

    /// Makes the close_notify of this side.
    func finish() {
        ERR_clear_error()
        SSL_shutdown(ssl)
    }

    private func outcome(_ status: Int32, _ operation: String) -> Outcome {
        switch SSL_get_error(ssl, status) {
        case SSL_ERROR_NONE: .done
        case SSL_ERROR_WANT_READ: .wantsRecords
        case SSL_ERROR_ZERO_RETURN: .ended
        default: .failed(CryptoError(operation))
        }
    }
}
