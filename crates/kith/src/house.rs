//! The house: every room with its doors joined. Used by `serve` and `demo`.

use comms::{GatewayConfig, Gateways};
use control::{Control, Settings};
use std::path::Path;
use std::sync::{Arc, PoisonError};
use store::Store;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use vault::MasterKey;

/// Events that may wait between comms and control.
const EVENTS: usize = 10_000;

/// A running server, without its listeners.
pub struct House {
    /// Main control.
    pub control: Control,
    gateways: Arc<Gateways>,
    stop: oneshot::Sender<()>,
    engine: JoinHandle<()>,
    messages: JoinHandle<()>,
}

impl House {
    /// Opens the store in `folder` and joins control and communication.
    pub fn open(
        folder: &Path,
        key: MasterKey,
        settings: Settings,
        gateways: Vec<GatewayConfig>,
    ) -> Result<Self, String> {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{} cannot be made: {error}.", folder.display()))?;
        let store = Store::open(&folder.join("kith.db")).map_err(|error| error.to_string())?;
        let (events, inbox) = mpsc::channel(EVENTS);
        let gateways = Arc::new(Gateways::start(gateways, events));
        let (outbound, mut sent) = mpsc::unbounded_channel();
        let table = gateways.table();
        let network = move || table.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let control = Control::new(store, key, settings, outbound, network);
        let (stop, stopped) = oneshot::channel::<()>();
        let engine = tokio::spawn({
            let (control, gateways) = (control.clone(), Arc::clone(&gateways));
            async move {
                let stored = Box::new(move |ack, ok| gateways.stored(ack, ok));
                let until = async {
                    let _ = stopped.await;
                };
                control.run(inbox, stored, until).await;
            }
        });
        let messages = tokio::spawn({
            let gateways = Arc::clone(&gateways);
            async move {
                while let Some(message) = sent.recv().await {
                    gateways.send(message);
                }
            }
        });
        Ok(Self {
            control,
            gateways,
            stop,
            engine,
            messages,
        })
    }

    /// Finishes what is in hand: control first, then the gateways, then the store.
    pub async fn close(self) {
        let _ = self.stop.send(());
        let _ = self.engine.await;
        self.messages.abort();
        let _ = self.messages.await;
        if let Some(gateways) = Arc::into_inner(self.gateways) {
            gateways.shutdown().await;
        }
        self.control.store().close().await;
    }
}
