import Synchronization

/// What has arrived of a streamed body and was not read yet. libcurl's thread fills, one task reads.
final class StreamBuffer: Sendable {
    /// Above this many unread bytes libcurl stops reading from the connection.
    static let limit = 256 << 10

    private struct State {
        var chunks: [[UInt8]] = []
        var bytes = 0
        var isPaused = false
        var end: Result<Void, HTTPError>?
        var reader: CheckedContinuation<[UInt8]?, any Error>?
    }

    private let state = Mutex(State())

    /// - Returns: false when the bytes were not taken: libcurl pauses and offers them again.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let reader: CheckedContinuation<[UInt8]?, any Error>?? = state.withLock { state in
            if let reader = state.reader {
                state.reader = nil
                return .some(reader)
            }
            guard state.bytes < Self.limit else {
                state.isPaused = true
                return nil
            }
            state.chunks.append(Array(bytes))
            state.bytes += bytes.count
            return .some(nil)
        }
        guard let reader else { return false }
        reader?.resume(returning: Array(bytes))
        return true
    }

    func finish(_ end: Result<Void, HTTPError>) {
        let reader = state.withLock { state in
            if state.end == nil { state.end = end }
            return state.reader.take()
        }
        guard let reader else { return }
        switch end {
        case .success: reader.resume(returning: nil)
        case .failure(let error): reader.resume(throwing: error)
        }
    }

    /// The next chunks, joined; nil at the end. Whether to resume libcurl is said by `resume`.
    func next(resume: () -> Void) async throws -> [UInt8]? {
        try await withCheckedThrowingContinuation { continuation in
            let wasPaused = state.withLock { state in
                if !state.chunks.isEmpty {
                    continuation.resume(returning: Array(state.chunks.joined()))
                    state.chunks.removeAll(keepingCapacity: true)
                    state.bytes = 0
                } else if let end = state.end {
                    switch end {
                    case .success: continuation.resume(returning: nil)
                    case .failure(let error): continuation.resume(throwing: error)
                    }
                } else {
                    state.reader = continuation
                }
                defer { state.isPaused = false }
                return state.isPaused
            }
            if wasPaused { resume() }
        }
    }
}

/// The reading end. Its release ends the request, so it belongs to the body alone: were libcurl's thread to
/// hold it, that thread could end up waiting for itself.
final class StreamReader: Sendable {
    private let client: HTTPClient
    private let loop: TransferLoop
    private let transfer: Transfer
    private let buffer: StreamBuffer

    init(client: HTTPClient, loop: TransferLoop, transfer: Transfer, buffer: StreamBuffer) {
        self.client = client
        self.loop = loop
        self.transfer = transfer
        self.buffer = buffer
    }

    deinit { loop.stop(transfer, .cancelled) }

    func next() async throws -> [UInt8]? {
        try await withTaskCancellationHandler {
            try await buffer.next { loop.resume(transfer) }
        } onCancel: {
            loop.stop(transfer, .cancelled)
        }
    }
}
