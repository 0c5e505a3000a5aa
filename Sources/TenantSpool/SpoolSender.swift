import Arithmetic
import CurlHTTP
import DurableFiles
import TenantProtocol

/// Sends a folder of streams to the platform, each in order. Progress is on the disk after every answer:
/// killed between an answer and its note, the same records go again under the same places.
package actor SpoolSender {
    /// One request to the platform, with whatever proves the tenant.
    package typealias Post =
        @Sendable (_ path: String, _ headers: [HTTPField], _ body: [UInt8]) async throws -> HTTPResponse

    /// Nothing more can be sent for the time being.
    package struct Obstacle: Error, Sendable, CustomStringConvertible {
        package var description: String
        /// What the platform asked to be left alone for.
        package var retryAfter: Duration?
        /// Only this stream: what the others hold may go.
        package var isOfOneStream = false
    }

    package static let longestRetryAfter: Duration = .seconds(3_600)
    /// A missing range is looked for once in this time, however often the platform names it.
    static let askedAgainAfter: Duration = .seconds(600)

    let route: SpoolRoute
    private let folder: String
    private let post: Post
    private let log: @Sendable (String) -> Void
    /// By epoch.
    private var readers: [String: StreamReader] = [:]
    private var answered: [String: [SequenceRange: ContinuousClock.Instant]] = [:]
    private var paused: [String: StreamPause] = [:]

    /// After a failure of one stream that one is left alone for a while, ever longer, and the others go on.
    private struct StreamPause {
        static let shortest: Duration = .seconds(2)
        static let longest: Duration = .seconds(300)

        var until: ContinuousClock.Instant
        var length: Duration
        var why: String

        init(after error: any Error, before: StreamPause?) {
            length = min(before.map { $0.length * 2 } ?? Self.shortest, Self.longest)
            until = .now + max(length, (error as? Obstacle)?.retryAfter ?? .zero)
            why = "\(error)"
        }
    }

    /// What stands in the way of single streams; nil: nothing.
    package var obstacleOfOneStream: String? { paused.min { $0.key < $1.key }?.value.why }

    package init(
        _ route: SpoolRoute, folder: String, log: @escaping @Sendable (String) -> Void, post: @escaping Post
    ) {
        self.route = route
        self.folder = folder
        self.log = log
        self.post = post
    }

    /// Sends what there is.
    /// - Returns: how many records were taken or refused for good
    /// - Throws: `Obstacle`; one of a single stream once all the others have had their turn. What was sent
    ///   before that stays sent
    package func sendAll() async throws -> Int {
        var count = 0
        var obstacle: (any Error)?
        let streams = try StreamFolder.all(in: folder)
        paused = paused.filter { epoch, _ in streams.contains { $0.epoch == epoch } }
        for stream in streams where (paused[stream.epoch]?.until ?? .now) <= .now {
            do {
                count += try await send(stream)
                paused[stream.epoch] = nil
            } catch let error where Self.isOfOneStream(error) {
                paused[stream.epoch] = StreamPause(after: error, before: paused[stream.epoch])
                obstacle = obstacle ?? error
                log("\(route.rawValue): \(stream.epoch) is not sent: \(error)")
            }
        }
        if let obstacle { throw Self.ofOneStream(obstacle) }
        return count
    }

    private static func ofOneStream(_ error: any Error) -> Obstacle {
        error as? Obstacle ?? Obstacle(description: "\(error)", isOfOneStream: true)
    }

    /// A stream that cannot be read, or is refused, keeps none of the others.
    private static func isOfOneStream(_ error: any Error) -> Bool {
        (error as? Obstacle)?.isOfOneStream ?? !(error is CancellationError)
    }

    private func send(_ stream: StreamFolder) async throws -> Int {
        var progress = try StreamProgress.load(stream)
        let before = progress.acknowledged
        var reader = readers[stream.epoch] ?? StreamReader(stream, after: progress.acknowledged)
        // A pass that was cut short has read further than was acknowledged.
        if reader.next != progress.acknowledged + 1 {
            reader = StreamReader(stream, after: progress.acknowledged)
        }
        while true {
            let batch = try reader.read(atMost: route.maximumEvents, bytes: route.maximumEventBytes)
            if let lost = batch.lost {
                log("\(route.rawValue): \(lost.from) to \(lost.to) of \(stream.epoch) cannot be read")
                if route.hasPlaces { progress.lose(lost) }
                progress.acknowledged = lost.to
            }
            if batch.isEmpty, progress.lost.isEmpty { break }
            if batch.lost != nil, batch.records.isEmpty { continue }
            let missing = try await deliver(batch.records, of: stream, &progress)
            try await answer(missing, of: stream, &progress)
            if batch.records.isEmpty { break }
        }
        readers[stream.epoch] = reader
        return progress.acknowledged - before
    }

    /// Sends the records, a refused batch by its halves, and notes what became of them.
    /// - Parameter records: consecutive; none: only what is lost is told
    /// - Returns: what the platform has not got
    private func deliver(
        _ records: [SpoolRecord], of stream: StreamFolder, _ progress: inout StreamProgress
    ) async throws -> [SequenceRange] {
        let lost = Array(progress.lost.prefix(SpoolRoute.maximumLost))
        let response = try await send(try route.body(stream.epoch, records, lost: lost))
        switch response.status {
        case 200..<300:
            progress.lost.removeFirst(min(lost.count, progress.lost.count))
            try note(records.last?.sequence, of: stream, &progress)
            return route.missing(response)
        case 400, 413, 422:
            guard records.count > 1 else {
                try refuse(records.first, lost, response, of: stream, &progress)
                return []
            }
            log("\(route.rawValue): \(records.count) records are refused (\(response.status)): by halves")
            let half = records.count / 2
            let missing = try await deliver(Array(records[..<half]), of: stream, &progress)
            return missing + (try await deliver(Array(records[half...]), of: stream, &progress))
        default:
            throw Obstacle(
                description: "\(route.rawValue): the platform answers \(response.status)",
                retryAfter: response.retryAfter(atMost: Self.longestRetryAfter),
                isOfOneStream: response.status == 409)
        }
    }

    private func note(
        _ sequence: Int?, of stream: StreamFolder, _ progress: inout StreamProgress
    ) throws {
        progress.acknowledged = max(progress.acknowledged, sequence ?? 0)
        try progress.save(stream)
    }

    /// The platform does not take this one, however often it comes: it is kept apart for people, and its
    /// place is told as lost. One that carries nothing but losses is given up.
    private func refuse(
        _ record: SpoolRecord?, _ lost: [SequenceRange], _ response: HTTPResponse,
        of stream: StreamFolder, _ progress: inout StreamProgress
    ) throws {
        guard let record else {
            log("\(route.rawValue): the platform does not take what is lost (\(response.status))")
            progress.lost.removeFirst(min(lost.count, progress.lost.count))
            return try progress.save(stream)
        }
        log("\(route.rawValue): record \(record.sequence) of \(stream.epoch) is refused, and kept apart")
        try StreamFolder.create(stream.quarantinePath)
        let answer = String(decoding: response.body.prefix(1_024), as: UTF8.self)
        try Files.replace(
            "\(stream.quarantinePath)/\(record.sequence).txt",
            with: record.payload + Array("\n\(response.status) \(answer)\n".utf8))
        progress.refused += 1
        if route.hasPlaces { progress.lose(SequenceRange(from: record.sequence, to: record.sequence)) }
        try note(record.sequence, of: stream, &progress)
    }

    private func send(_ body: [UInt8]) async throws -> HTTPResponse {
        var headers = [HTTPField("Content-Type", "application/json")]
        var sent = body
        if let small = Gzip.compressed(body), small.count < body.count {
            headers.append(HTTPField("Content-Encoding", "gzip"))
            sent = small
        }
        do {
            return try await post(route.path, headers, sent)
        } catch let error as HTTPError {
            throw Obstacle(description: "\(route.rawValue): \(error)")
        }
    }

    // MARK: What the platform has not got

    private func answer(
        _ missing: [SequenceRange], of stream: StreamFolder, _ progress: inout StreamProgress
    ) async throws {
        let now = ContinuousClock.now
        var recent = (answered[stream.epoch] ?? [:]).filter { now - $0.value < Self.askedAgainAfter }
        for range in missing where recent[range] == nil && range.from <= range.to {
            guard range.from >= 1, range.to <= progress.acknowledged else { continue }
            try await sendAgain(range, of: stream, &progress)
            recent[range] = now
            answered[stream.epoch] = recent
        }
        answered[stream.epoch] = recent
    }

    private func sendAgain(
        _ range: SequenceRange, of stream: StreamFolder, _ progress: inout StreamProgress
    ) async throws {
        var reader = StreamReader(stream, after: range.from - 1)
        while reader.next <= range.to {
            let begin = reader.next
            let batch = try reader.read(
                atMost: min(route.maximumEvents, range.to - begin + 1), bytes: route.maximumEventBytes)
            guard !batch.records.isEmpty else {
                // What is not here any more, up to the next that is.
                let end = min(range.to, batch.lost?.to ?? range.to)
                progress.lose(SequenceRange(from: begin, to: end))
                try progress.save(stream)
                if batch.lost == nil { return }
                continue
            }
            _ = try await deliver(batch.records, of: stream, &progress)
        }
    }
}

extension HTTPResponse {
    /// Seconds; nil when it is absent or a date.
    fileprivate func retryAfter(atMost limit: Duration) -> Duration? {
        guard let seconds = header("Retry-After").flatMap({ Int($0) }), seconds >= 0 else { return nil }
        return min(.bounded(seconds: seconds), limit)
    }
}
