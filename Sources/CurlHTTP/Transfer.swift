import CCurl
import Synchronization

/// One request under way. `outcome` may be reached from anywhere; everything else belongs to the thread of
/// the loop, which alone touches libcurl's handle.
final class Transfer: @unchecked Sendable {
    private enum Outcome {
        case open
        case awaited(CheckedContinuation<HTTPResponse, any Error>)
        case settled(Result<HTTPResponse, HTTPError>)
    }

    let request: HTTPRequest
    let stream: StreamBuffer?
    private let outcome = Mutex(Outcome.open)

    private var handle: UnsafeMutableRawPointer?
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private let message = UnsafeMutableBufferPointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var answer = HTTPResponse(status: 0, headers: [], body: [])
    /// Of the request's body, what libcurl has taken.
    private var sentBytes = 0
    private var headerBytes = 0
    private var maximumHeaderBytes = 0
    /// Why a callback ended the transfer.
    private var refusal: HTTPError?

    init(_ request: HTTPRequest, stream: StreamBuffer?) {
        self.request = request
        self.stream = stream
        message.initialize(repeating: 0)
    }

    deinit { message.deallocate() }
}

// MARK: The caller's side
extension Transfer {
    /// - Returns: false when the transfer is settled already (a cancelled task): nothing is to be started.
    func wait(_ continuation: CheckedContinuation<HTTPResponse, any Error>) -> Bool {
        let settled: Result<HTTPResponse, HTTPError>? = outcome.withLock { outcome in
            if case .settled(let result) = outcome { return result }
            outcome = .awaited(continuation)
            return nil
        }
        guard let settled else { return true }
        continuation.resume(with: settled)
        return false
    }

    var isFinished: Bool {
        outcome.withLock { if case .settled = $0 { true } else { false } }
    }

    /// The first result counts; of a stream, the end of the body as well.
    func finish(_ result: Result<HTTPResponse, HTTPError>) {
        settle(result)
        stream?.finish(result.map { _ in })
    }

    private func settle(_ result: Result<HTTPResponse, HTTPError>) {
        let continuation: CheckedContinuation<HTTPResponse, any Error>? = outcome.withLock { outcome in
            switch outcome {
            case .settled: return nil
            case .open:
                outcome = .settled(result)
                return nil
            case .awaited(let continuation):
                outcome = .settled(result)
                return continuation
            }
        }
        continuation?.resume(with: result)
    }
}

// MARK: The loop's side
extension Transfer {
    func prepare(_ defaults: Defaults) throws(HTTPError) -> UnsafeMutableRawPointer {
        guard let handle = curl_easy_init() else { throw .connectionFailed("libcurl gave no handle") }
        self.handle = handle
        maximumHeaderBytes = defaults.configuration.maximumHeaderBytes
        let context = Unmanaged.passUnretained(self).toOpaque()
        _ = ccurl_set_pointer(handle, CURLOPT_PRIVATE, context)
        _ = ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, message.baseAddress)
        _ = ccurl_set_pointer(handle, CURLOPT_WRITEDATA, context)
        _ = ccurl_set_pointer(handle, CURLOPT_HEADERDATA, context)
        _ = ccurl_set_callback(handle, CURLOPT_WRITEFUNCTION, receiveBody)
        _ = ccurl_set_callback(handle, CURLOPT_HEADERFUNCTION, receiveHeader)
        // A body that cannot be rewound: on a kept connection that dies, libcurl would send a request with
        // one that can be a second time, though the first may have taken effect. Source: libcurl's
        // Curl_retry_request and Curl_readrewind.
        _ = ccurl_set_pointer(handle, CURLOPT_READDATA, context)
        _ = ccurl_set_callback(handle, CURLOPT_READFUNCTION, sendBody)
        headerList = try RequestOptions(request, defaults, isStream: stream != nil).apply(to: handle)
        return handle
    }

    func resume() { curl_easy_pause(handle, CURLPAUSE_CONT) }

    func release(from multi: UnsafeMutableRawPointer) {
        guard let handle else { return }
        curl_multi_remove_handle(multi, handle)
        curl_easy_cleanup(handle)
        curl_slist_free_all(headerList)
        self.handle = nil
        headerList = nil
    }

    func result(_ code: CURLcode) -> Result<HTTPResponse, HTTPError> {
        if code == CURLE_OK { return .success(answer) }
        if let refusal { return .failure(refusal) }
        var sent = 0
        _ = ccurl_get_long(handle, CURLINFO_REQUEST_SIZE, &sent)
        let detail = message[0] == 0 ? curl_easy_strerror(code)! : UnsafePointer(message.baseAddress!)
        return .failure(HTTPError(code: code, message: String(cString: detail), sent: sent > 0))
    }

    /// Takes as much of the body as there is room for.
    fileprivate func send(into room: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(room.count, request.body.count - sentBytes)
        request.body.withUnsafeBytes {
            room.copyMemory(from: .init(rebasing: $0[sentBytes..<(sentBytes + count)]))
        }
        sentBytes += count
        return count
    }

    /// A status line begins a new head: of a 1xx, of a redirect that is followed, or of the answer.
    fileprivate func header(_ line: UnsafeRawBufferPointer) -> Bool {
        headerBytes += line.count
        guard headerBytes <= maximumHeaderBytes else {
            refusal = .responseTooLarge(limit: maximumHeaderBytes)
            return false
        }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            answer = HTTPResponse(status: statusCode(of: text), headers: [], body: [])
        } else if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) {
            let value = text[text.index(after: colon)...]
            answer.headers.append(HTTPField(String(text[..<colon]), trimmed(value)))
        } else if stream != nil, isFinalHead {
            settle(.success(answer))
        }
        return true
    }

    private var isFinalHead: Bool {
        let isRedirect = (300..<400).contains(answer.status) && answer.header("Location") != nil
        return answer.status >= 200 && !(request.followsRedirects && isRedirect)
    }

    /// How many bytes were taken; anything but all of them ends the transfer, or pauses it.
    fileprivate func body(_ bytes: UnsafeRawBufferPointer) -> Int {
        if let stream { return stream.append(bytes) ? bytes.count : Int(CURL_WRITEFUNC_PAUSE) }
        guard answer.body.count + bytes.count <= request.maximumResponseBytes else {
            refusal = .responseTooLarge(limit: request.maximumResponseBytes)
            return 0
        }
        answer.body.append(contentsOf: bytes)
        return bytes.count
    }
}

private let sendBody: curl_read_callback = { pointer, size, count, context in
    let room = UnsafeMutableRawBufferPointer(start: pointer, count: size * count)
    return Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue().send(into: room)
}

private let receiveHeader: curl_write_callback = { pointer, size, count, context in
    let bytes = UnsafeRawBufferPointer(start: pointer, count: size * count)
    let transfer = Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue()
    return transfer.header(bytes) ? bytes.count : 0
}

private let receiveBody: curl_write_callback = { pointer, size, count, context in
    let bytes = UnsafeRawBufferPointer(start: pointer, count: size * count)
    return Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue().body(bytes)
}

/// 0 for what is none: nobody has to reckon with a negative one.
private func statusCode(of line: String) -> Int {
    let code = line.split(separator: " ", maxSplits: 2).dropFirst().first.flatMap { Int($0.prefix(3)) }
    return code.flatMap { (100...999).contains($0) ? $0 : nil } ?? 0
}

private func trimmed(_ text: Substring) -> String {
    let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }
    let bytes = text.utf8
    guard let first = bytes.firstIndex(where: { !isSpace($0) }),
        let last = bytes.lastIndex(where: { !isSpace($0) })
    else { return "" }
    return String(text[first...last])
}
