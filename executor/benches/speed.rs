//! `cargo bench -p allod-executor --features speed`

fn main() {
    allod_executor::speed::run();
}
