import NIOCore
import NIOPosix

/// Where Redis is: `redis://[[user]:password@]host[:port][/...]`
struct RedisAddress: Sendable, Equatable {
    var host: String
    var port: Int
    var password: String?

    init(host: String, port: Int, password: String?) {
        self.host = host
        self.port = port
        self.password = password
    }

    init?(url: String) {
        guard url.hasPrefix("redis://") else { return nil }
        var rest = url.dropFirst("redis://".count).prefix { $0 != "/" && $0 != "?" }
        var password: String?
        if let at = rest.lastIndex(of: "@") {
            let credentials = rest[..<at].split(
                separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard credentials.count == 2, let decoded = percentDecoded(credentials[1]) else { return nil }
            password = decoded
            rest = rest[rest.index(after: at)...]
        }
        let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
        guard let host = parts.first, !host.isEmpty, parts.count <= 2 else { return nil }
        guard let port = parts.count == 2 ? Int(parts[1]) : 6379, (1...65535).contains(port) else {
            return nil
        }
        self.init(host: String(host), port: port, password: password)
    }

    /// AUTH where there is a password, then PING, over a connection of its own: what a client would meet.
    /// Source: Redis serialization protocol 2.
    func answersPing() async throws -> Bool {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.seconds(2))
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var question = ByteBuffer()
            if let password { question.writeString(command(["AUTH", password])) }
            question.writeString(command(["PING"]))
            try await outbound.write(question)
            var answer = ""
            for try await part in inbound {
                answer += String(buffer: part)
                if answer.contains("-") || answer.hasSuffix("+PONG\r\n") || answer.utf8.count > 512 { break }
            }
            return answer == (password == nil ? "+PONG\r\n" : "+OK\r\n+PONG\r\n")
        }
    }

    private func command(_ words: [String]) -> String {
        "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
    }
}

/// nil when it is malformed or not UTF-8.
private func percentDecoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), rest.count >= 2
        else { return nil }
        bytes.append(value)
        rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
}
