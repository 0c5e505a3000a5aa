import CCurl
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The thread that runs a curl_multi handle. Other threads only queue orders and wake it.
final class TransferLoop: @unchecked Sendable {
    private enum Order {
        case start(Transfer)
        case drop(Transfer)
        case resume(Transfer)
    }

    private struct State {
        var orders: [Order] = []
        var isClosed = false
        var thread: pthread_t?
    }

    let defaults: Defaults
    private let multi: UnsafeMutableRawPointer
    private let state = Mutex(State())
    /// Only touched by the thread.
    private var active: [ObjectIdentifier: Transfer] = [:]

    /// libcurl wants this once a process; from 7.84 on it may race with nothing.
    private static let isInitialised: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init(_ defaults: Defaults) {
        precondition(Self.isInitialised, "libcurl did not start")
        self.defaults = defaults
        multi = curl_multi_init()
        _ = ccurl_multi_set_long(
            multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, defaults.configuration.maximumConnections)
        _ = ccurl_multi_set_long(
            multi, CURLMOPT_MAXCONNECTS, min(64, defaults.configuration.maximumConnections))
        startThread()
    }

    func start(_ transfer: Transfer) {
        if !order(.start(transfer)) { transfer.finish(.failure(.closed)) }
    }

    func stop(_ transfer: Transfer, _ error: HTTPError) {
        transfer.finish(.failure(error))
        order(.drop(transfer))
    }

    func resume(_ transfer: Transfer) { order(.resume(transfer)) }

    /// The thread fails what is under way and frees libcurl's handles; this waits for it to end.
    func shutdown() {
        let thread = state.withLock { state in
            if !state.isClosed {
                state.isClosed = true
                curl_multi_wakeup(multi)
            }
            return state.thread.take()
        }
        guard let thread else { return }
        if pthread_equal(thread, pthread_self()) != 0 {
            pthread_detach(thread)
        } else {
            pthread_join(thread, nil)
        }
    }

    /// The wake-up happens under the lock that guards `isClosed`: the thread frees the handle after that.
    @discardableResult
    private func order(_ order: Order) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.orders.append(order)
            if state.orders.count == 1 { curl_multi_wakeup(multi) }
            return true
        }
    }

    private func startThread() {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        let status = pthread_create(&thread, nil, { runLoop($0) }, context)
        precondition(status == 0, "no thread for the HTTP client")
        state.withLock { $0.thread = thread }
    }
}

private func runLoop(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    Unmanaged<TransferLoop>.fromOpaque(context!).takeRetainedValue().run()
    return nil
}

extension TransferLoop {
    fileprivate func run() {
        while true {
            let (orders, isClosed) = state.withLock { state in
                defer { state.orders.removeAll() }
                return (state.orders, state.isClosed)
            }
            for order in orders { carryOut(order, isClosed) }
            if isClosed { break }
            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            collect()
            // Sleeps until a socket, one of libcurl's own timers, or a wake-up.
            curl_multi_poll(multi, nil, 0, 60_000, nil)
        }
        let error = HTTPError.interrupted("the client was shut down")
        for transfer in active.values { end(transfer, .failure(error)) }
        curl_multi_cleanup(multi)
    }

    private func carryOut(_ order: Order, _ isClosed: Bool) {
        switch order {
        case .start(let transfer) where isClosed:
            transfer.finish(.failure(.closed))
        case .start(let transfer):
            begin(transfer)
        case .drop(let transfer):
            if active[ObjectIdentifier(transfer)] != nil { end(transfer, .failure(.cancelled)) }
        case .resume(let transfer):
            if active[ObjectIdentifier(transfer)] != nil { transfer.resume() }
        }
    }

    private func begin(_ transfer: Transfer) {
        guard !transfer.isFinished else { return }
        do {
            let handle = try transfer.prepare(defaults)
            active[ObjectIdentifier(transfer)] = transfer
            guard curl_multi_add_handle(multi, handle) == CURLM_OK else {
                throw HTTPError.connectionFailed("libcurl took no further request")
            }
        } catch {
            end(transfer, .failure(error as? HTTPError ?? .connectionFailed("\(error)")))
        }
    }

    private func collect() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle else {
                continue
            }
            var context: UnsafeMutableRawPointer?
            _ = ccurl_get_pointer(handle, CURLINFO_PRIVATE, &context)
            guard let context else { continue }
            let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            end(transfer, transfer.result(message.pointee.data.result))
        }
    }

    private func end(_ transfer: Transfer, _ result: Result<HTTPResponse, HTTPError>) {
        active[ObjectIdentifier(transfer)] = nil
        transfer.release(from: multi)
        transfer.finish(result)
    }
}
