#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One operating system thread that runs an actor's jobs in order, so that libpq may block in it without
/// holding a thread of the cooperative pool. The thread ends after `stop`, once its queue is empty.
final class SerialThread: SerialExecutor, @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrival = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [UnownedJob] = []
    private var stopped = false

    init() {
        lock.initialize(to: pthread_mutex_t())
        arrival.initialize(to: pthread_cond_t())
        pthread_mutex_init(lock, nil)
        pthread_cond_init(arrival, nil)
        startThread { [self] in drain() }
    }

    deinit {
        pthread_cond_destroy(arrival)
        pthread_mutex_destroy(lock)
        arrival.deallocate()
        lock.deallocate()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pthread_mutex_lock(lock)
        jobs.append(job)
        pthread_cond_signal(arrival)
        pthread_mutex_unlock(lock)
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    func stop() {
        pthread_mutex_lock(lock)
        stopped = true
        pthread_cond_signal(arrival)
        pthread_mutex_unlock(lock)
    }

    private func drain() {
        let executor = asUnownedSerialExecutor()
        while let batch = nextBatch() {
            for job in batch { job.runSynchronously(on: executor) }
        }
    }

    private func nextBatch() -> [UnownedJob]? {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while jobs.isEmpty {
            if stopped { return nil }
            pthread_cond_wait(arrival, lock)
        }
        let batch = jobs
        jobs.removeAll(keepingCapacity: true)
        return batch
    }
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void
    init(run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Starts a detached thread with a stack of 512 KiB: libpq and its TLS need a fraction of that.
func startThread(_ run: @escaping @Sendable () -> Void) {
    let body = Unmanaged.passRetained(ThreadBody(run: run)).toOpaque()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, 512 * 1_024)
    var thread = pthread_t()
    let status = pthread_create(
        &thread, &attributes,
        { argument in
            Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue().run()
            return nil
        }, body)
    precondition(status == 0, "cannot start a thread for a database connection: error \(status)")
}
