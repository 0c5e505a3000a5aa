import CurlHTTP
import DurableFiles
import TenantProtocol

/// Sends the streams of one kind to the platform, each in order. Progress is on the disk after every answer:
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
        var isOfOneStream = false
    }

    package static let longestRetryAfter: Duration = .seconds(3_600)
    /// A missing range is looked for once in this time, however often the platform names it.
    static let askedAgainAfter: Duration = .seconds(600)

    let route: SpoolRoute
    private let folders: SpoolFolders
    private let post: Post
    private let log: @Sendable (String) -> Void
    /// By epoch.
    private var readers: [String: StreamReader] = [:]
    private var answered: [String: [SequenceRange: ContinuousClock.Instant]] = [:]

    package init(
        _ route: SpoolRoute, _ folders: SpoolFolders, log: @escaping @Sendable (String) -> Void,
        post: @escaping Post
    ) {
        self.route = route
        self.folders = folders
        self.log = log
        self.post = post
    }

    /// Sends what there is.
    /// - Returns: how many records were taken or refused for good
    /// - Throws: `Obstacle`, or a disk's error; what was sent before that stays sent. What only one stream
    ///   has in its way is thrown once the others are sent
    package func sendAll() async throws -> Int {
        guard let spool = try SpoolFolder(route, in: folders.tenant) else { return 0 }
        let delivery = try DeliveryFolder(route, in: folders.delivery)
        var count = 0
        var obstacle: Obstacle?
        let epochs = try spool.epochs()
        let known = Set(epochs)
        readers = readers.filter { known.contains($0.key) }
        answered = answered.filter { known.contains($0.key) }
        for epoch in epochs {
            do {
                count += try await send(epoch, spool, delivery)
            } catch let error as Obstacle where error.isOfOneStream {
                obstacle = error
            } catch  where error is Obstacle || error is CancellationError {
                throw error
            } catch {
                // Of its disk, or of what somebody has put in its place: the others may go.
                obstacle = Obstacle(description: "\(route.rawValue): \(error)", isOfOneStream: true)
            }
            // Reading holds a thread that others need too.
            await Task.yield()
        }
        if let obstacle { throw obstacle }
        return count
    }

    /// A stream on its way, with how far it has come.
    private struct Delivery {
        let stream: StreamFolder
        let folder: DeliveryFolder
        var progress: StreamProgress

        func save() throws { try folder.save(progress, of: stream) }
    }

    private func send(_ epoch: String, _ spool: SpoolFolder, _ folder: DeliveryFolder) async throws -> Int {
        guard let stream = try spool.stream(epoch) else { return 0 }
        var delivery = Delivery(stream: stream, folder: folder, progress: try folder.progress(of: stream))
        let before = delivery.progress.acknowledged
        var reader = readers[epoch] ?? StreamReader(after: before)
        // A pass that was cut short has read further than was acknowledged.
        if reader.next != before + 1 { reader = StreamReader(after: before) }
        while true {
            let batch = try reader.read(stream, atMost: route.maximumEvents, bytes: route.maximumEventBytes)
            if let lost = batch.lost {
                log("\(route.rawValue): \(lost.from) to \(lost.to) of \(epoch) cannot be read")
                if route.hasPlaces { delivery.progress.lose(lost) }
                delivery.progress.acknowledged = lost.to
            }
            if batch.isEmpty, delivery.progress.lost.isEmpty { break }
            await Task.yield()
            if batch.lost != nil, batch.records.isEmpty { continue }
            let missing = try await deliver(batch.records, &delivery)
            try await answer(missing, &delivery)
            if batch.records.isEmpty { break }
        }
        readers[epoch] = reader
        return delivery.progress.acknowledged - before
    }

    /// Sends the records, a refused batch by its halves, and notes what became of them.
    /// - Parameter records: consecutive; none: only what is lost is told
    /// - Returns: what the platform has not got
    private func deliver(
        _ records: [SpoolRecord], _ delivery: inout Delivery
    ) async throws -> [SequenceRange] {
        let lost = Array(delivery.progress.lost.prefix(SpoolRoute.maximumLost))
        let response = try await send(try route.body(delivery.stream.epoch, records, lost: lost))
        switch response.status {
        case 200..<300:
            delivery.progress.lost.removeFirst(min(lost.count, delivery.progress.lost.count))
            try note(records.last?.sequence, &delivery)
            return route.missing(response)
        case 400, 413, 422:
            guard records.count > 1 else {
                try refuse(records.first, lost, response, &delivery)
                return []
            }
            log("\(route.rawValue): \(records.count) records are refused (\(response.status)): by halves")
            let half = records.count / 2
            let missing = try await deliver(Array(records[..<half]), &delivery)
            return missing + (try await deliver(Array(records[half...]), &delivery))
        default:
            throw Obstacle(
                description: "\(route.rawValue): the platform answers \(response.status)",
                retryAfter: response.retryAfter(atMost: Self.longestRetryAfter),
                isOfOneStream: response.status == 409)
        }
    }

    private func note(_ sequence: Int?, _ delivery: inout Delivery) throws {
        delivery.progress.acknowledged = max(delivery.progress.acknowledged, sequence ?? 0)
        try delivery.save()
    }

    /// The platform does not take this one, however often it comes: it is kept apart for people, and its
    /// place is told as lost. One that carries nothing but losses is given up.
    private func refuse(
        _ record: SpoolRecord?, _ lost: [SequenceRange], _ response: HTTPResponse, _ delivery: inout Delivery
    ) throws {
        guard let record else {
            log("\(route.rawValue): the platform does not take what is lost (\(response.status))")
            delivery.progress.lost.removeFirst(min(lost.count, delivery.progress.lost.count))
            return try delivery.save()
        }
        let epoch = delivery.stream.epoch
        let answer = "\(response.status) " + String(decoding: response.body.prefix(1_024), as: UTF8.self)
        let isKept = try delivery.folder.keepRefused(record, of: epoch, answer: Array(answer.utf8))
        log(
            "\(route.rawValue): record \(record.sequence) of \(epoch) is refused, "
                + (isKept ? "and kept apart" : "and not kept: too many are"))
        delivery.progress.refused += 1
        if route.hasPlaces {
            delivery.progress.lose(SequenceRange(from: record.sequence, to: record.sequence))
        }
        try note(record.sequence, &delivery)
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

    private func answer(_ missing: [SequenceRange], _ delivery: inout Delivery) async throws {
        let now = ContinuousClock.now
        let epoch = delivery.stream.epoch
        var recent = (answered[epoch] ?? [:]).filter { now - $0.value < Self.askedAgainAfter }
        for range in missing where recent[range] == nil && range.from <= range.to {
            guard range.from > 0, range.to <= delivery.progress.acknowledged else { continue }
            try await sendAgain(range, &delivery)
            recent[range] = now
            answered[epoch] = recent
        }
        answered[epoch] = recent
    }

    private func sendAgain(_ range: SequenceRange, _ delivery: inout Delivery) async throws {
        var reader = StreamReader(after: range.from - 1)
        while reader.next <= range.to {
            let begin = reader.next
            let batch = try reader.read(
                delivery.stream, atMost: min(route.maximumEvents, range.to - begin + 1),
                bytes: route.maximumEventBytes)
            guard !batch.records.isEmpty else {
                // What is not here any more, up to the next that is.
                let end = min(range.to, batch.lost?.to ?? range.to)
                delivery.progress.lose(SequenceRange(from: begin, to: end))
                try delivery.save()
                if batch.lost == nil { return }
                continue
            }
            _ = try await deliver(batch.records, &delivery)
        }
    }
}

extension HTTPResponse {
    /// Seconds; nil when it is absent or a date.
    fileprivate func retryAfter(atMost limit: Duration) -> Duration? {
        guard let seconds = header("Retry-After").flatMap({ Int($0) }), seconds >= 0 else { return nil }
        return min(.seconds(seconds), limit)
    }
}
